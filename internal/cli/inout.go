package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// The values of --output that are not text.
const (
	formatJSON = "json"
	formatWide = "wide" // text with more columns, if the verb has more
)

// registerFormat declares --output and -o.
func registerFormat(flags *pflag.FlagSet, output *string) {
	config.RegisterWord(flags, output, "output", "o", "form of the output: %s")
}

func checkFormat(output string) error {
	if err := config.OneOf("output", output); err != nil {
		return &usageError{err}
	}
	return nil
}

// publishNew writes a new file and never replaces one.
func publishNew(path string, mode fs.FileMode, write func(io.Writer) error) error {
	_, err := os.Lstat(path) // before the work
	if err == nil {
		err = fs.ErrExist
	} else if err = durable.OS().Publish(path, mode, write); err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s already exists and stays as it is; choose another path for --out: %w", path, fs.ErrExist)
	}
	return err
}

// within reports whether a path that need not exist is below a directory, links followed.
func within(dir, path string) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			path = filepath.Join(real, rest)
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
			return false, err
		}
		path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false, err
	}
	below, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(below), err
}

// writeJSON writes v as indented JSON.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(escaping{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// escaping escapes the control characters that JSON lets through: DEL and C1, which a
// terminal may obey. They are in strings only. A call of Write has whole characters.
type escaping struct{ io.Writer }

// Write implements [io.Writer].
func (e escaping) Write(p []byte) (int, error) {
	at := bytes.IndexFunc(p, func(r rune) bool { return r >= 0x7f && r <= 0x9f })
	if at < 0 {
		return e.Writer.Write(p)
	}
	var escaped []byte
	for _, r := range string(p) {
		if r >= 0x7f && r <= 0x9f {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
			continue
		}
		escaped = utf8.AppendRune(escaped, r)
	}
	_, err := e.Writer.Write(escaped)
	return len(p), err
}

// group makes of cmd one that only has verbs below it.
func group(cmd *cobra.Command, verbs ...*cobra.Command) *cobra.Command {
	cmd.Args = noVerb
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(verbs...)
	return cmd
}

// openLocation opens the input of a verb: an archive by its URL, a directory, or one
// object.
func openLocation(ctx context.Context, arg string, s3 config.Archive) (p catalog.Location, err error) {
	if s3.URL = arg; !strings.Contains(arg, "://") {
		info, err := os.Stat(arg)
		if err != nil {
			return p, fmt.Errorf("find the objects: %w", err)
		}
		if p.Path = filepath.Clean(arg); !info.IsDir() {
			p.Path, p.Key = filepath.Split(p.Path)
			p.Path = filepath.Clean(p.Path)
		}
		dir, err := filepath.Abs(p.Path)
		if err != nil {
			return p, fmt.Errorf("find the objects: %w", err)
		}
		s3 = config.Archive{URL: (&url.URL{Scheme: "file", Path: dir}).String()}
	}
	if strings.HasPrefix(s3.URL, "s3://") {
		s3.Connections = verify.Requests
	}
	if p.Bucket, err = s3.Open(ctx); err != nil {
		return p, &usageError{err}
	}
	if dir := p.Bucket.Dir(); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return p, fmt.Errorf("find the objects: %w", err)
		}
	}
	return p, nil
}

// openArchive opens the archive that a verb reads.
func openArchive(ctx context.Context, arg string, s3 config.Archive) (*archive.Bucket, error) {
	p, err := openLocation(ctx, arg, s3)
	if err == nil && p.Key != "" {
		err = &usageError{fmt.Errorf("%s is a file: give the directory or URL of an archive, which has manifests/ in it", arg)}
	}
	return p.Bucket, err
}

// notes returns a function that prints notes, for several goroutines.
func notes(w io.Writer) func(text string) {
	out := zerolog.SyncWriter(w)
	return func(text string) { _, _ = fmt.Fprintln(out, "note: "+archive.Printable(text)) } // notes are not the result
}

// openCatalog finds the original files behind paths and URLs. Locations without any
// record are reported.
func openCatalog(ctx context.Context, args []string, s3 config.Archive, unrecorded bool, report io.Writer) (*catalog.Catalog, error) {
	bar := terminal.NewBar(report)
	var locations []catalog.Location
	for _, arg := range args {
		p, err := openLocation(ctx, arg, s3)
		if err != nil {
			return nil, err
		}
		p.Progress = bar.Update
		locations = append(locations, p)
	}
	c, err := catalog.Find(ctx, locations...)
	bar.Clear()
	if err != nil {
		return nil, err
	}
	c.Unrecorded = unrecorded
	for _, name := range c.Bare() {
		if _, err := fmt.Fprintf(report, "note: %s has no records: nothing vouches for its lines\n", name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// registerUnrecorded registers the flag of the verbs that restore.
func registerUnrecorded(flags *pflag.FlagSet, unrecorded *bool) {
	flags.BoolVar(unrecorded, "unrecorded", false, "include objects that no record names")
}
