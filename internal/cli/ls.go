package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/contents"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
)

const lsExample = `  # one line for each node and day of the last month
  auditsidecar ls s3://audit-archive/audit-logs --s3-region eu-central-1 --since 30d

  # which nodes there are, and until when
  auditsidecar ls /srv/audit --nodes

  # gaps
  auditsidecar ls /srv/audit --gaps --since 2026-03-01 --to 2026-04-01`

// lsFlags are the flags of the verb ls.
type lsFlags struct {
	opt         contents.Options
	times       timerange.Range
	nodes, gaps bool
	output      string
	s3          config.Archive
}

func newLsCommand() *cobra.Command {
	var f lsFlags
	cmd := &cobra.Command{
		Use:        "ls PATH|URL",
		Short:      "List the content of an archive: nodes, days, files, lines, gaps",
		SuggestFor: []string{"list", "dir", "show"},
		Long: `ls prints a line for each node and UTC day of an archive, from its rollups and
records alone: no data object is listed or read, and nothing is proven (see
verify). A day is that of the records: a file counts on the day it was archived.

--nodes prints a line for each node, --gaps one for each break in the log. -o wide
adds epochs, -o json has everything, one object for each node and day.`,
		Example: lsExample,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := errors.Join(f.times.Validate(), checkFormat(f.output))
			if f.nodes && f.gaps {
				err = errors.Join(err, errors.New("--nodes and --gaps are two lists: give one of them"))
			}
			if err != nil {
				return &usageError{err}
			}
			return f.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.opt.Cluster, "cluster", "", "only this `cluster`")
	flags.StringVar(&f.opt.Node, "node", "", "only this `node`")
	f.times.Register(flags)
	flags.BoolVar(&f.nodes, "nodes", false, "one line for each node")
	flags.BoolVar(&f.gaps, "gaps", false, "one line for each gap")
	registerFormat(flags, &f.output)
	f.s3.RegisterS3(flags)
	return cmd
}

func (f *lsFlags) run(ctx context.Context, arg string, stdout, report io.Writer) error {
	bucket, err := openArchive(ctx, arg, f.s3)
	if err != nil {
		return err
	}
	f.opt.Note = notes(report)
	days, err := contents.Read(ctx, bucket, f.opt)
	if err != nil {
		return err
	}
	all := len(days)
	days = slices.DeleteFunc(days, func(d contents.Day) bool {
		day, err := time.Parse(time.DateOnly, d.Day)
		return err != nil || !f.times.Overlaps(day, day.AddDate(0, 0, 1).Add(-1))
	})
	switch {
	case all == 0 && f.opt.Cluster == "" && f.opt.Node == "":
		return fmt.Errorf("ls: %s has no records, which only run writes; restore --dry-run lists its files", arg)
	case len(days) == 0:
		return fmt.Errorf("ls: %s has no record of these flags: leave out --cluster, --node, --since, --from and --to to see all", arg)
	}
	if f.output == formatJSON {
		return writeJSON(stdout, days)
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	switch {
	case f.gaps:
		printGaps(w, days)
	case f.nodes:
		printDays(w, contents.Nodes(days), "LAST RECORD", func(d contents.Day) string { return shortTime(d.Recorded) }, f.output == formatWide)
	default:
		printDays(w, days, "DAY", func(d contents.Day) string { return d.Day }, f.output == formatWide)
	}
	return w.Flush()
}

func printDays(w io.Writer, days []contents.Day, title string, column func(contents.Day) string, wide bool) {
	_, _ = fmt.Fprintf(w, "CLUSTER\tNODE\t%s\tFILES\tLINES\tSIZE\tGAPS\tFIRST EVENT\tLAST EVENT", title) // Flush returns the error
	if wide {
		_, _ = fmt.Fprint(w, "\tRECORDS\tEPOCHS")
	}
	for _, d := range days {
		_, _ = fmt.Fprintf(w, "\n%s\t%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s", d.Cluster, d.Node, column(d), d.Files, humanize.Comma(d.Lines),
			humanize.Bytes(uint64(d.Bytes)), len(d.Gaps), shortTime(d.First), shortTime(d.Last))
		if wide {
			_, _ = fmt.Fprintf(w, "\t%d\t%s", d.Records, cmp.Or(strings.Join(d.Epochs, ","), "-"))
		}
	}
	_, _ = fmt.Fprintln(w)
}

func printGaps(w io.Writer, days []contents.Day) {
	_, _ = fmt.Fprint(w, "CLUSTER\tNODE\tRECORDED\tREASON\tFROM\tTO\tBYTES\tFILE")
	for _, d := range days {
		for _, g := range d.Gaps {
			lost := "unknown"
			if g.Bytes >= 0 {
				lost = humanize.Comma(g.Bytes)
			}
			_, _ = fmt.Fprintf(w, "\n%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", d.Cluster, d.Node, shortTime(g.Recorded), archive.Printable(g.Reason),
				optionalTime(g.From), optionalTime(g.To), lost, cmp.Or(archive.Printable(g.File), "-"))
		}
	}
	_, _ = fmt.Fprintln(w)
}

func optionalTime(t *time.Time) string {
	if t == nil {
		return "unknown"
	}
	return shortTime(*t)
}

// shortTime is a time to the second, in UTC.
func shortTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
