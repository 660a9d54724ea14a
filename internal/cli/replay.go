package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/internal/replay"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

const replayExample = `  # what one user did in an hour, as kube-apiserver wrote it
  auditsidecar replay s3://audit-archive/audit-logs --s3-region eu-central-1 \
    --from 2026-03-01T10:00:00Z --to 2026-03-01T11:00:00Z --user alice@example.com

  # a day back into Loki, as {job="audit-replay", replay="incident-42"}
  auditsidecar replay ./archive --from 2026-03-01 --to 2026-03-02 --loki-url http://127.0.0.1:3100 --id incident-42`

// replayFlags are the flags of the verb replay.
type replayFlags struct {
	from, to string
	filter   replay.Filter
	loki     config.Loki
	redact   config.Redact
	id       string
	s3       config.Archive
}

func newReplayCommand(version string) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:        "replay PATH|URL... [--from TIME] [--to TIME]",
		Short:      "Take lines out of the archive: to standard output, or into Loki",
		SuggestFor: []string{"query", "search", "grep", "export"},
		Long: `replay writes the lines of a range of time that match all filters, byte for byte
and in their original order, to standard output. With --loki-url it pushes them
into Loki instead, as a stream of its own with the labels job="audit-replay" and
replay=ID, redacted and shrunk as run does it. Loki must accept lines so old: the
first one goes alone, and where Loki refuses it nothing else is sent.`,
		Example: replayExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(); err != nil {
				return &usageError{err}
			}
			sources, err := findSources(cmd.Context(), args, f.s3)
			if err != nil {
				return err
			}
			sources = slices.DeleteFunc(sources, func(s *source) bool { return !s.within(f.filter.Days()) })
			if f.loki.URL == "" {
				return f.toOutput(cmd.Context(), sources, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return f.toLoki(cmd.Context(), version, sources, cmd.ErrOrStderr())
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *replayFlags) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "earliest `time` of a line (its stageTimestamp): 2026-03-01 or 2026-03-01T10:00:00Z")
	flags.StringVar(&f.to, "to", "", "`time` before which a line must be")
	flags.StringSliceVar(&f.filter.Users, "user", nil, "only lines of this user; may be repeated, as all of these")
	flags.StringSliceVar(&f.filter.Verbs, "verb", nil, "only lines with this verb")
	flags.StringSliceVar(&f.filter.Resources, "resource", nil, "only lines about this resource, such as secrets")
	flags.StringSliceVar(&f.filter.Namespaces, "namespace", nil, "only lines about this namespace")
	flags.StringSliceVar(&f.filter.Names, "name", nil, "only lines about an object of this name")
	flags.StringSliceVar(&f.filter.Codes, "code", nil, "only lines with this response code")
	f.s3.RegisterS3(flags)
	flags.StringVar(&f.id, "id", "", "the label replay in Loki; empty: the time of the call")
	f.loki.RegisterClient(flags)
	f.redact.Register(flags)
}

func (f *replayFlags) validate() error {
	var fromErr, toErr error
	f.filter.From, fromErr = parseTime("from", f.from)
	f.filter.To, toErr = parseTime("to", f.to)
	errs := []error{fromErr, toErr, f.loki.ValidateClient(), f.redact.Validate(), f.redact.ValidateFiles()}
	if !f.filter.From.IsZero() && !f.filter.To.IsZero() && !f.filter.From.Before(f.filter.To) {
		errs = append(errs, fmt.Errorf("--from %s is not before --to %s", f.from, f.to))
	}
	if f.id != "" && f.loki.URL == "" {
		errs = append(errs, errors.New("--id has no meaning without --loki-url"))
	}
	if f.redact.Mode == config.RedactArchive {
		errs = append(errs, errors.New("--redact=archive has no meaning here: the archive is only read"))
	}
	return errors.Join(errs...)
}

// within says whether a source may have lines of these days; a zero time is no
// bound.
func (s *source) within(first, last time.Time) bool {
	if len(s.parts) > 0 || len(s.objects) == 0 {
		return true // an open file: its keys do not say
	}
	return slices.ContainsFunc(s.objects, func(o object) bool {
		day, err := time.Parse(time.DateOnly, o.day)
		return err != nil || !day.Before(first) && (last.IsZero() || !day.After(last))
	})
}

// each restores the sources and gives lines what they hold. One that is missing does
// not keep the others from it.
func (f *replayFlags) each(ctx context.Context, sources []*source, progress *terminal.FileProgress, report io.Writer, lines *replay.Lines, begin func(sourceID) error) error {
	defer progress.Clear()
	var missing []error
	for _, s := range sources {
		if err := begin(s.id); err != nil {
			return err
		}
		err := s.restore(ctx, sources, progress.Above(report), func(o original) error {
			lines.Begin(s.rotated())
			progress.Begin(o.size)
			if err := o.write(ctx, os.TempDir(), io.MultiWriter(lines, progress)); err != nil {
				return err
			}
			return lines.End()
		})
		if errors.Is(err, errMissing) {
			missing = append(missing, err)
			continue
		}
		if err != nil {
			return errors.Join(append(missing, err)...)
		}
		progress.End()
	}
	return errors.Join(missing...)
}

// rotated is when the file was rotated; now for one that was not.
func (s *source) rotated() time.Time {
	if len(s.objects) > 0 && !s.objects[0].rotated.IsZero() {
		return s.objects[0].rotated
	}
	return time.Now().UTC()
}

func (f *replayFlags) toOutput(ctx context.Context, sources []*source, w, report io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	lines := replay.Lines{Filter: f.filter, Do: func(l replay.Line) error {
		_, err := out.Write(l.Bytes)
		if err == nil {
			err = out.WriteByte('\n')
		}
		return err
	}}
	err := f.each(ctx, sources, terminal.NewFileProgress(report, w, len(sources)), report, &lines, func(sourceID) error { return nil })
	if err == nil || errors.Is(err, errMissing) {
		err = errors.Join(err, out.Flush())
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // `replay ... | head` has seen enough
	}
	return err
}

func (f *replayFlags) toLoki(ctx context.Context, version string, sources []*source, report io.Writer) error {
	id := f.id
	if id == "" {
		id = time.Now().UTC().Format("20060102T150405")
	}
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
	progress := terminal.NewFileProgress(report, nil, len(sources))
	loki, err := replay.NewLoki(replay.LokiConfig{
		Client: client, Labels: labels, Redact: change, MaxLineBytes: f.loki.MaxLineBytes,
		OnDown: func(err error) {
			if lokipush.DecisionOf(err) == lokipush.Stop {
				return // it ends the replay
			}
			_, _ = fmt.Fprintf(progress.Above(report), "Loki does not take lines, trying on: %v\n", err)
		},
	})
	if err != nil {
		return err
	}
	lines := replay.Lines{Filter: f.filter, Do: func(l replay.Line) error { return loki.Add(ctx, l) }}
	begin := func(id sourceID) error { return loki.Begin(ctx, id.cluster, id.node) }
	if err = f.each(ctx, sources, progress, report, &lines, begin); err == nil || errors.Is(err, errMissing) {
		err = errors.Join(err, loki.Flush(ctx))
	}
	return errors.Join(err, f.account(report, id, loki))
}

// replayRedaction is what replaces secrets; nil where nothing does. Without a key
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

// account says what came of it.
func (f *replayFlags) account(report io.Writer, id string, loki *replay.Loki) error {
	_, err := fmt.Fprintf(report, "%d lines in Loki as {job=\"audit-replay\", replay=%q}\n", loki.Sent(), id)
	var refused []string
	for reason, n := range loki.Refused() {
		refused = append(refused, fmt.Sprintf("%d lines were refused: %s", n, reason))
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		err = errors.Join(err, errors.New(strings.Join(refused, "; ")))
	}
	return err
}
