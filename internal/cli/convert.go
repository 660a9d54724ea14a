package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

const convertExample = `  # one file to one object
  auditsidecar convert audit-2026-11-22T17-00-27.978.log -o audit.parquet

  # all rotated files to an archive of one object per file and day
  auditsidecar convert audit-*.log audit-*.log.gz -o ./archive --cluster production --node cp-1

  # from a pipe
  zstd -dc old.log.zst | auditsidecar convert - -o old.parquet`

// convertFlags are the flags of the verb convert.
type convertFlags struct {
	out      string
	format   string
	noCheck  bool
	identity config.Identity
}

func newConvertCommand(version string) *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "convert FILE... -o OUT",
		Short: "Convert audit log files to Parquet",
		Long: `convert writes audit log files (.log, .log.gz, or - for standard input) as
Parquet from which restore makes the same bytes again; it proves this before it
returns. OUT that ends in .parquet takes one input as one object. Otherwise OUT
is a directory with the layout of the archive: one object per file and UTC day
in data/cluster=CLUSTER/dt=DAY/. The inputs are only read.

Only run makes the records that verify asks for: what convert writes can be
restored and queried, and its files prove themselves, but not that none is missing.`,
		Example: convertExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(args); err != nil {
				return &usageError{err}
			}
			return f.run(cmd.Context(), version, args, streams{cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.out, "out", "o", "", "`path` to write: a .parquet file or a directory")
	flags.StringVar(&f.format, "output", formatText, "what to print about each file: `text|json`")
	flags.BoolVar(&f.noCheck, "no-check", false, "do not read the objects back to prove them")
	f.identity.Register(flags)
	flags.Lookup("cluster").DefValue = "local"
	f.identity.Cluster = "local"
	return cmd
}

func (f *convertFlags) validate(args []string) error {
	var errs []error
	if f.out == "" {
		errs = append(errs, errors.New("-o is required: a .parquet file or a directory"))
	}
	errs = append(errs, checkFormat(f.format))
	if f.oneFile() && len(args) > 1 {
		errs = append(errs, fmt.Errorf("%s takes one input, not %d: give a directory as -o", f.out, len(args)))
	}
	if info, err := os.Stat(f.out); err == nil && info.IsDir() == f.oneFile() {
		errs = append(errs, fmt.Errorf("-o %s: a name that ends in .parquet is a file, any other a directory; this one is there already and is not", f.out))
	}
	seen := map[string]bool{}
	for _, arg := range args {
		if seen[arg] {
			errs = append(errs, fmt.Errorf("%s is given twice", arg))
		}
		seen[arg] = true
	}
	return errors.Join(append(errs, f.identity.Validate())...)
}

func (f *convertFlags) oneFile() bool { return strings.HasSuffix(f.out, ".parquet") }

// root is the directory that all output goes to.
func (f *convertFlags) root() string {
	if f.oneFile() {
		return filepath.Dir(f.out)
	}
	return f.out
}

// run converts all inputs. One that fails does not keep the others from being
// converted.
func (f *convertFlags) run(ctx context.Context, version string, args []string, std streams) error {
	sweepScratch(f.root())
	var errs []error
	progress := terminal.NewFileProgress(std.err, nil, len(args)) // the bar is gone when a file is reported
	for _, arg := range args {
		done, err := f.convertOne(ctx, version, arg, std.in, progress)
		progress.End()
		progress.Clear()
		if err == nil {
			err = f.report(std.out, done)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", arg, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// streams are the standard streams of a verb.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// converted is what is printed about one input.
type converted struct {
	File        string   `json:"file"`
	Lines       int64    `json:"lines"`
	Bytes       int64    `json:"bytes"`
	SHA256      string   `json:"sha256"`
	Rows        int64    `json:"rows"`
	RawLines    int64    `json:"rawLines"`
	Salvaged    int64    `json:"salvaged"`
	Undecodable int64    `json:"undecodable"`
	Strays      int64    `json:"strays"`
	ObjectBytes int64    `json:"objectBytes"`
	Objects     []string `json:"objects"`
	Checked     bool     `json:"checked"`
}

func (f *convertFlags) report(w io.Writer, c converted) error {
	if f.format == formatJSON {
		return json.NewEncoder(w).Encode(c)
	}
	ratio := ""
	if c.Bytes > 0 {
		ratio = fmt.Sprintf(" (%.1f %%)", 100*float64(c.ObjectBytes)/float64(c.Bytes))
	}
	_, err := fmt.Fprintf(w, "%s: %d lines, %s -> %s%s in %d object(s)%s\n",
		c.File, c.Lines, megabytes(c.Bytes), megabytes(c.ObjectBytes), ratio, len(c.Objects), c.broken())
	return err
}

// broken names what was not a whole event, and what is not under its own day, if
// anything.
func (c *converted) broken() (text string) {
	if c.Salvaged+c.Undecodable > 0 {
		text = fmt.Sprintf("; %d broken line(s), %d with whole events in them", c.Salvaged+c.Undecodable, c.Salvaged)
	}
	if c.Strays > 0 {
		text += fmt.Sprintf("; %d row(s) of further days under the day of rotation", c.Strays)
	}
	return text
}

func megabytes(n int64) string { return fmt.Sprintf("%.2f MB", float64(n)/1e6) }

// stdinName is the argument that stands for standard input.
const stdinName = "-"
