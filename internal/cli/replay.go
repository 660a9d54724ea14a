package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/parallel"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/internal/replay"
	"github.com/auditsidecar/auditsidecar/internal/restore"
	"github.com/auditsidecar/auditsidecar/internal/search"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

const replayExample = `  # the requests of one user in an hour, as kube-apiserver wrote it
  auditsidecar replay s3://audit-archive/audit-logs --s3-region eu-central-1 \
    --from 2026-03-01T10:00:00Z --to 2026-03-01T11:00:00Z --user alice@example.com

  # a day back into Loki, as {job="audit-replay", replay="incident-42"}
  auditsidecar replay ./archive --from 2026-03-01 --to 2026-03-02 \
    --loki-url http://127.0.0.1:3100 --id incident-42`

// replayFlags are the flags of the verb replay.
type replayFlags struct {
	selectionFlags
	loki   config.Loki
	redact config.Redact
	id     string
	s3     config.Archive
	jobs   parallel.Jobs

	unrecorded bool
}

func newReplayCommand(version string) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:        "replay PATH|URL... [--since TIME] [--to TIME]",
		Short:      "Take lines out of the archive: to standard output, or into Loki",
		SuggestFor: []string{"export"},
		Long: `replay writes the lines of a range of time that match all filters, byte for byte
and in their original order, to standard output. With --loki-url it pushes them
into Loki instead, as a stream of its own with the labels job="audit-replay" and
replay=ID, redacted and shrunk as run does it. Loki must accept lines so old: the
first one goes alone, and where Loki refuses it nothing else is sent. Objects that
no record names are left out, as restore does it, and reported as an error at the end.`,
		Example: replayExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(); err != nil {
				return &usageError{err}
			}
			c, err := openCatalog(cmd.Context(), args, f.s3, f.unrecorded, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			c.Files = f.selection.Files(c.Files)
			if f.loki.URL == "" {
				return f.toOutput(cmd.Context(), c, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return f.toLoki(cmd.Context(), version, c, cmd.ErrOrStderr())
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *replayFlags) register(flags *pflag.FlagSet) {
	f.selectionFlags.register(flags)
	f.jobs.Register(flags)
	registerUnrecorded(flags, &f.unrecorded)
	f.s3.RegisterS3(flags)
	flags.StringVar(&f.id, "id", "", "the label replay in Loki; empty: the time of the call")
	f.loki.RegisterClient(flags)
	f.redact.Register(flags)
}

func (f *replayFlags) validate() error {
	errs := []error{f.selectionFlags.validate(), f.jobs.Validate(), f.loki.ValidateClient(), f.redact.Validate(), f.redact.ValidateFiles()}
	if f.id != "" && f.loki.URL == "" {
		errs = append(errs, errors.New("--id has no meaning without --loki-url"))
	}
	if f.redact.Mode == config.RedactArchive {
		errs = append(errs, errors.New("--redact=archive has no meaning here: the archive is only read"))
	}
	return errors.Join(errs...)
}

// each restores the files and yields their lines.
func (f *replayFlags) each(ctx context.Context, c *catalog.Catalog, progress *terminal.FileProgress, report io.Writer, lines *search.Lines, begin func(catalog.ID) error) (missing, err error) {
	r := restore.Originals{Catalog: c, Jobs: f.jobs, Progress: progress, Report: report}
	return r.Lines(ctx, func(o catalog.Original) (io.Writer, func() error, error) {
		if err := begin(o.ID); err != nil {
			return nil, nil, err
		}
		if o.Rotated.IsZero() {
			o.Rotated = time.Now().UTC()
		}
		lines.Begin(o.Rotated)
		return lines, lines.End, nil
	})
}

func (f *replayFlags) toOutput(ctx context.Context, c *catalog.Catalog, w, report io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10) // it keeps its first error for Flush
	lines := search.Lines{Selection: f.selection, Do: func(l search.Line) error {
		_, _ = out.Write(l.Bytes)
		return out.WriteByte('\n')
	}}
	missing, err := f.each(ctx, c, terminal.NewFileProgress(report, w, len(c.Files)), report, &lines, func(catalog.ID) error { return nil })
	if err == nil {
		err = out.Flush()
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // `replay ... | head` has seen enough
	}
	return errors.Join(missing, err)
}

func (f *replayFlags) toLoki(ctx context.Context, version string, c *catalog.Catalog, report io.Writer) error {
	id := cmp.Or(f.id, time.Now().UTC().Format("20060102T150405"))
	client, err := f.loki.Client(version)
	if err != nil {
		return &usageError{err}
	}
	change, err := replayRedaction(f.redact)
	if err != nil {
		return err
	}
	labels, _ := f.loki.StaticLabels() // validated before
	labels["job"], labels["replay"] = "audit-replay", id
	progress := terminal.NewFileProgress(report, nil, len(c.Files))
	loki := replay.NewLoki(replay.LokiConfig{
		Client: client, Labels: labels, Redact: change, MaxLineBytes: f.loki.MaxLineBytes,
		OnDown: func(err error) {
			_, _ = fmt.Fprintf(progress.Above(report), "Loki accepts no lines, retrying: %v\n", err)
		},
	})
	lines := search.Lines{Selection: f.selection, Do: func(l search.Line) error { return loki.Add(ctx, l) }}
	begin := func(id catalog.ID) error { return loki.Begin(ctx, id.Cluster, id.Node) }
	missing, err := f.each(ctx, c, progress, report, &lines, begin)
	if err == nil {
		err = loki.Flush(ctx)
	}
	return errors.Join(missing, err, f.account(report, id, loki))
}

// replayRedaction replaces secrets; nil if nothing does. Without a key
// file the key is this replay's own: its markers compare among each other only.
func replayRedaction(settings config.Redact) (func(dst, line []byte) ([]byte, bool), error) {
	policy, err := settings.Policy()
	if policy == nil || err != nil {
		return nil, err
	}
	key := redact.NewKey()
	if settings.KeyFile != "" {
		if key, err = redact.ReadKey(settings.KeyFile); err != nil {
			return nil, err
		}
	}
	return redact.New(policy, key).Line, nil
}

// account reports the result.
func (f *replayFlags) account(report io.Writer, id string, loki *replay.Loki) error {
	_, err := fmt.Fprintf(report, "%s in Loki as {job=\"audit-replay\", replay=%q}\n", english.Plural(int(loki.Sent()), "line", ""), id)
	var refused []string
	for reason, n := range loki.Refused() {
		refused = append(refused, fmt.Sprintf("refused %s: %s", english.Plural(int(n), "line", ""), reason))
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		err = errors.Join(err, errors.New(strings.Join(refused, "; ")))
	}
	return err
}
