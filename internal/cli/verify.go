package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/parallel"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

const verifyExample = `  # everything: records, and size and checksum of every object
  auditsidecar verify s3://audit-archive/audit-logs --s3-region eu-central-1 --key vkeys/

  # a copy on disk, every file restored and hashed, up to the end of October
  auditsidecar verify ./archive --deep --to 2026-11-01T00:00:00Z

  # every hour: only new records, as descendants of the trusted ones
  auditsidecar verify s3://audit-archive/audit-logs --state /var/lib/verify/audit.json

  # was any record of the year removed? one object a day and node
  auditsidecar verify s3://audit-archive/audit-logs --key vkeys/ --rollups

  # one line with the proof that it is in the archive
  auditsidecar verify ./archive --event 20261122T120000a1b2c3/7/42`

// proofFlags are the flags of the verbs that verify.
type proofFlags struct {
	options      verify.Options
	times        timerange.Range
	keys, accept []string
	jobs         parallel.Jobs
}

func (f *proofFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.options.Deep, "deep", false, "restore every file and recompute its SHA-256 and Merkle root")
	flags.UintVar(&f.options.ExpireDays, "expire-days", 0, "`days` until the lifecycle deletes data: older data may be missing; 0: never")
	flags.StringArrayVar(&f.keys, "key", nil, "`file` or directory of *.vkey files with public keys to trust; repeatable")
	flags.StringArrayVar(&f.accept, "accept", nil, "`file` with the origins of later trees that are no finding, one a line; repeatable")
	flags.StringVar(&f.options.Cluster, "cluster", "", "only this `cluster`")
	flags.StringVar(&f.options.Node, "node", "", "only this `node`")
	f.times.Register(flags)
	f.jobs.Register(flags)
}

func (f *proofFlags) parse() error {
	errs := []error{f.times.Validate(), f.jobs.Validate()}
	f.options.Jobs = int(f.jobs)
	f.options.From, f.options.To = f.times.From, f.times.To
	for _, path := range f.keys {
		keys, err := verify.ReadTrustedKeys(path)
		errs = append(errs, err)
		f.options.Keys = append(f.options.Keys, keys...)
	}
	for _, path := range f.accept {
		data, err := os.ReadFile(path)
		errs = append(errs, err)
		f.options.Accept = append(f.options.Accept, strings.Fields(string(data))...)
	}
	return errors.Join(errs...)
}

// verifyFlags are the flags of the verb verify.
type verifyFlags struct {
	proofFlags
	s3                            config.Archive
	event, state, metrics, output string
}

func newVerifyCommand(version string) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:        "verify PATH|URL",
		Short:      "Prove the content of an archive, or find missing and changed parts",
		SuggestFor: []string{"prove", "audit", "chain"},
		Long: `verify checks the tree of records of every node, their signatures, and that
every object they name is there with the size and the SHA-256 they say. Local
objects are hashed; the checksum that S3 itself has computed counts without a
download. It works on a copy and, with --cluster, --node and --from, on a part
of an archive. It ends with 0 where nothing is wrong and with 3 where it found
something: which object, which lines, which time cannot be trusted.

No archive can prove that its last records were not cut off. --expect-head takes
a root that the tree must have had (the metric auditsidecar_chain_head, the log,
an earlier report), --to a time that the records must reach.

With --from or --to the signed rollups of other days (rollups/) stand for their
records, which are not read. --rollups does so for all days: it reads one object a day
and node, and lists the records, so that one that was removed is named. It needs --key
where the records are signed, and looks at no object.

--expire-days takes the days of lifecycle --expire-days: data that were recorded earlier
may be missing, and the last line says how many are.

--state keeps the head of every tree whose records were without a finding. The next
run reads only the records after it, which must continue that tree, and checks their
objects. With --deep, --from, --expect-head or other keys it reads all again, which
must contain that head. docs/spec/state.md describes the file.

--metrics writes the result for Prometheus; a run that reads nothing leaves the file as it was.

--key takes public keys (keygen), as a file or a directory of *.vkey files. Below a
key the lines "from N" and "until N" bound the records that it may sign: a stolen
key ends with the last record that is its node's. Given keys override every
handover in the archive. Without --key the first key of each tree is taken on trust.

docs/threat-model.md says which claims are proven, and against whom.`,
		Example: verifyExample,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parse(); err != nil {
				return &usageError{err}
			}
			bucket, err := openArchive(cmd.Context(), args[0], f.s3)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), bucket, version, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *verifyFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.options.ChainOnly, "chain-only", false, "verify records only, skip objects")
	flags.BoolVar(&f.options.Rollups, "rollups", false, "verify completeness only: each day's rollup instead of its records, no objects")
	flags.BoolVar(&f.options.Versions, "versions", false, "find hidden versions and delete markers of an S3 bucket with versioning")
	flags.StringArrayVar(&f.options.ExpectHeads, "expect-head", nil, "`root` that a tree must have had, 64 hex digits; repeatable")
	flags.StringVar(&f.state, "state", "", "`file` that keeps the trusted heads; the next run reads newer records only")
	f.proofFlags.register(flags)
	flags.StringVar(&f.metrics, "metrics", "", "`file` to write the result to, for the textfile collector of node_exporter")
	flags.StringVar(&f.event, "event", "", "print one line, `EPOCH/SEQ/LINE`, with its inclusion proof")
	registerFormat(flags, &f.output)
	f.s3.RegisterS3(flags)
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// parse checks the flags, every mistake at once.
func (f *verifyFlags) parse() error {
	errs := []error{f.proofFlags.parse()}
	for i, h := range f.options.ExpectHeads {
		if f.options.ExpectHeads[i] = strings.ToLower(h); !sha256Hex.MatchString(strings.ToLower(h)) {
			errs = append(errs, fmt.Errorf("--expect-head %q: expected the 64 hex digits of a root", h))
		}
	}
	if f.event != "" && (f.state != "" || f.metrics != "") {
		errs = append(errs, errors.New("--event excludes --state and --metrics: it looks at the object of one file only"))
	}
	if f.options.ChainOnly && f.options.Deep {
		errs = append(errs, errors.New("--chain-only and --deep exclude each other"))
	}
	if f.options.Rollups && (f.options.Deep || f.state != "" || f.event != "") {
		errs = append(errs, errors.New("--rollups excludes --deep, --state and --event: it reads no object and not all records"))
	}
	if f.event != "" {
		_, err := verify.ParseEventID(f.event)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, checkFormat(f.output))...)
}

func (f *verifyFlags) run(ctx context.Context, bucket *archive.Bucket, version string, out, progress io.Writer) error {
	if f.state != "" {
		s, err := verify.ReadState(f.state, bucket.URL(""))
		if err != nil {
			return err
		}
		f.options.State = s
	}
	bar := terminal.NewBar(progress)
	f.options.Progress = bar.Update
	var event *verify.Event
	var report *verify.Report
	var err error
	if f.event != "" {
		id, _ := verify.ParseEventID(f.event) // parse has checked it
		event, report, err = verify.Prove(ctx, bucket, f.options, id)
	} else {
		report, err = verify.Run(ctx, bucket, f.options)
	}
	bar.Clear()
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	report.Archive, report.At, report.Program = bucket.URL(""), time.Now().UTC(), "auditsidecar "+version
	if err := f.write(out, event, report); err != nil {
		return err
	}
	if f.metrics != "" {
		if err := writeMetrics(f.metrics, report); err != nil {
			return fmt.Errorf("write the metrics: %w", err)
		}
	}
	if s := report.State(); s != nil {
		data, err := s.Encode()
		if err == nil {
			err = durable.OS().WriteFile(f.state, data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("write the state file: %w", err)
		}
	}
	if !report.Clean {
		return errFindings
	}
	return nil
}

// writeMetrics writes the result for Prometheus. A verification that could not read the archive writes
// none: the file stays, and its time gets old.
func writeMetrics(path string, r *verify.Report) error {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return promauto.With(registry).NewGaugeVec(prometheus.GaugeOpts{Namespace: "auditsidecar", Subsystem: "verify", Name: name, Help: help}, labels)
	}
	gauge("last_run_timestamp_seconds", "Time of the last verification that could read the archive.").WithLabelValues().Set(float64(r.At.Unix()))
	gauge("clean", "Whether the last verification had no finding.").WithLabelValues().Set(map[bool]float64{true: 1}[r.Clean])
	found := gauge("findings", "Findings of the last verification.", "cluster", "node", "kind")
	for _, x := range r.Findings {
		found.WithLabelValues(x.Cluster, x.Node, string(x.Kind)).Inc()
	}
	gaps := gauge("recorded_gaps", "Gaps in the records that the last verification read.", "cluster", "node")
	recorded := gauge("recorded_timestamp_seconds", "Time of the last record: nothing after it is proven.", "cluster", "node")
	for _, n := range r.Nodes {
		gaps.WithLabelValues(n.Cluster, n.Node).Set(float64(len(n.Gaps)))
		recorded.WithLabelValues(n.Cluster, n.Node).Set(float64(n.Recorded.Unix()))
	}
	return prometheus.WriteToTextfile(path, registry)
}

// write writes the result as it was asked for; event is nil without --event.
func (f *verifyFlags) write(out io.Writer, event *verify.Event, report *verify.Report) error {
	switch {
	case f.output == formatJSON && event == nil:
		return writeJSON(out, report)
	case f.output == formatJSON:
		return writeJSON(out, map[string]any{"event": event, "report": report})
	case event != nil:
		if err := event.WriteText(out); err != nil {
			return err
		}
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		return err
	}
	_, err := io.WriteString(out, terminal.NewPaint(out).Lines(text.String()))
	return err
}
