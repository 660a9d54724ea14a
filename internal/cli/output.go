package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
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
