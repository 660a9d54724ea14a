package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/convert"
	"github.com/auditsidecar/auditsidecar/internal/parallel"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

const convertExample = `  # one file to one object
  auditsidecar convert audit-2026-11-22T17-00-27.978.log --out audit.parquet

  # all rotated files to an archive of one object per file and day
  auditsidecar convert audit-*.log audit-*.log.gz --out ./archive --cluster production --node cp-1

  # from a pipe
  zstd -dc old.log.zst | auditsidecar convert - --out old.parquet

  # deliveries of CloudWatch Logs from an EKS cluster
  auditsidecar convert delivery/* --from eks --out ./archive --cluster production --node eks`

// convertFlags are the flags of the verb convert.
type convertFlags struct {
	convert.Config
	format string
	jobs   parallel.Jobs
}

func newConvertCommand(version string) *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "convert FILE... --out OUT",
		Short: "Convert audit log files to Parquet",
		Long: `convert writes audit log files (or standard input, -) as Parquet from which
restore makes the same bytes again; it proves this before it returns. gzip is
unpacked whatever the name; other compressed files are refused. OUT that ends in
.parquet takes one input as one object. Otherwise OUT is a directory with the
layout of the archive: one object per file and UTC day in
data/cluster=CLUSTER/dt=DAY/. The inputs are only read.

With --from the inputs are deliveries of a cloud from a managed control plane
(docs/managed.md): eks for CloudWatch Logs and Firehose, aks for properties.log of
Azure. Each event is kept byte for byte; its envelope and entries of other logs are
not. Objects say who delivered them; nothing says that the delivery is complete.

Only run makes the records that verify asks for: converted files can be
restored and queried, and its files prove themselves, but not that none is missing.`,
		Example: convertExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(args); err != nil {
				return &usageError{err}
			}
			f.Version, f.Stdin = version, cmd.InOrStdin()
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Out, "out", "", "`path` to write: a .parquet file or a directory")
	registerFormat(flags, &f.format)
	flags.StringVar((*string)(&f.From), "from", "", "`cloud` whose envelopes the inputs are: eks or aks; empty: logs of kube-apiserver")
	flags.BoolVar(&f.NoCheck, "no-check", false, "do not read the objects back to prove them")
	f.jobs.Register(flags)
	f.Identity.Register(flags)
	flags.Lookup("cluster").DefValue = "local"
	f.Identity.Cluster = "local"
	require(flags, "out")
	return cmd
}

func (f *convertFlags) validate(args []string) error {
	var errs []error
	if f.Out == "" {
		errs = append(errs, errors.New("--out is required: a .parquet file or a directory"))
	}
	errs = append(errs, checkFormat(f.format))
	if !slices.Contains([]convert.Envelope{"", convert.EKS, convert.AKS}, f.From) {
		errs = append(errs, fmt.Errorf("--from is %q: eks or aks (docs/managed.md says why not GKE)", f.From))
	}
	if f.oneFile() && len(args) > 1 {
		errs = append(errs, fmt.Errorf("%s takes one input, not %d: give a directory as --out", f.Out, len(args)))
	}
	if info, err := os.Stat(f.Out); err == nil && info.IsDir() == f.oneFile() {
		errs = append(errs, fmt.Errorf("--out %s: a name that ends in .parquet is a file, any other a directory; the existing one is not", f.Out))
	}
	for i, arg := range args {
		if slices.Contains(args[:i], arg) {
			errs = append(errs, fmt.Errorf("%s is given twice", arg))
		}
	}
	return errors.Join(append(errs, f.jobs.Validate(), f.Identity.Validate())...)
}

func (f *convertFlags) oneFile() bool { return strings.HasSuffix(f.Out, ".parquet") }

// run converts all inputs, some at once, and reports each in their order. One that fails does not
// keep the others from being converted.
func (f *convertFlags) run(ctx context.Context, args []string, out, report io.Writer) error {
	type input struct {
		*convert.Made
		arg  string
		size *terminal.FilePart
		err  error
	}
	var errs []error
	taken := 0
	progress := terminal.NewFileProgress(report, nil, len(args))
	defer progress.Clear()
	out = progress.Above(out)
	parallel.InOrder(ctx, f.jobs, len(args), func(i int) func() input {
		return func() input {
			in := input{arg: args[i]}
			if info, err := os.Stat(in.arg); err == nil {
				in.size = progress.Begin(info.Size())
			}
			in.Made, in.err = convert.Make(ctx, f.Config, in.arg)
			return in
		}
	}, func(in input) {
		err := in.err
		if err == nil {
			var done convert.Result
			if done, err = in.Install(); err == nil {
				if in.size != nil {
					in.size.Add(done.Bytes)
				}
				err = f.report(out, done)
			}
		}
		progress.End(in.size)
		taken++
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", in.arg, err))
		}
	})
	if taken < len(args) {
		errs = append(errs, fmt.Errorf("convert the %s not begun: %w", english.Plural(len(args)-taken, "input", ""), ctx.Err()))
	}
	return errors.Join(errs...)
}

func (f *convertFlags) report(w io.Writer, c convert.Result) error {
	if f.format == formatJSON {
		return json.NewEncoder(w).Encode(c)
	}
	ratio := ""
	if c.Bytes > 0 {
		ratio = fmt.Sprintf(" (%.1f %%)", 100*float64(c.ObjectBytes)/float64(c.Bytes))
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s -> %s%s in %s%s\n",
		c.File, english.Plural(int(c.Lines), "line", ""), megabytes(c.Bytes), megabytes(c.ObjectBytes), ratio, english.Plural(len(c.Objects), "object", ""), broken(c))
	return err
}

// broken names lines that were not whole events, and rows not under their own day, if
// anything.
func broken(c convert.Result) (text string) {
	if c.Salvaged+c.Undecodable > 0 {
		text = fmt.Sprintf("; %s, %d with whole events", english.Plural(int(c.Salvaged+c.Undecodable), "broken line", ""), c.Salvaged)
	}
	if c.Skipped > 0 {
		text += fmt.Sprintf("; %s of other logs left out", english.Plural(int(c.Skipped), "entry", "entries"))
	}
	if c.Strays > 0 {
		text += fmt.Sprintf("; %s of further days under the day of rotation", english.Plural(int(c.Strays), "row", ""))
	}
	return text
}

func megabytes(n int64) string { return fmt.Sprintf("%.2f MB", float64(n)/1e6) }
