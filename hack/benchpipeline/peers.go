package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// settled is how long nothing more may come until a program counts as done.
const settled = 10 * time.Second

// task is the work of a program of the comparison: a log that exists at its start.
type task struct {
	log  string
	dir  string // empty, for its files
	sink string // base URL
	name string // value of its label, for this run alone
}

// peer is a program of the comparison.
type peer struct {
	name    string
	program string // path; empty: not installed
	label   string // whose value names the run
	command func(program string, t task) (*exec.Cmd, error)
	runs    series
}

// collectorTool is the OpenTelemetry Collector of this directory's module.
func collectorTool() builds.Tool {
	return builds.Tool{Module: "hack/benchpipeline/otelcol", Package: ".", Name: "otelcol"}
}

// findPeers looks for each program at the given path and on the PATH, and for the
// collector that -build has built.
func findPeers(o options) ([]*peer, error) {
	collector := found(o.otelcol, "otelcol")
	if collector == "" {
		built, err := collectorTool().Built()
		if err != nil {
			return nil, err
		}
		collector = built
	}
	return []*peer{
		{name: "auditsidecar: redacted, with fields", program: o.binary, label: "cluster", command: ours},
		{name: "OpenTelemetry Collector: JSON parsed", program: collector, label: "service_name", command: otelcol},
		{name: "Fluent Bit: raw lines", program: found(o.fluentBit, "fluent-bit"), label: "job", command: fluentBit},
		{name: "Vector: raw lines", program: found(o.vector, "vector"), label: "job", command: vector},
	}, nil
}

// found is the given path, or that of a command on the PATH, or empty.
func found(path, command string) string {
	if path != "" {
		return path
	}
	if path, err := exec.LookPath(command); err == nil {
		return path
	}
	return ""
}

func ours(program string, t task) (*exec.Cmd, error) {
	listen, err := audittest.FreeAddress()
	if err != nil {
		return nil, err
	}
	return exec.Command(program, "run", "--listen", listen, "--audit-log-path", t.log, "--archive-url", "file://"+filepath.Join(t.dir, "archive"),
		"--cluster", t.name, "--node", "cp1", "--loki-url", t.sink), nil
}

// collectorConfig parses each line, takes its time and the fields that auditsidecar
// sends beside the line, and leaves the line as it is.
const collectorConfig = `receivers:
  file_log:
    include: [%q]
    start_at: beginning
    max_log_size: 32MiB
    resource: {service.name: %s}
    operators:
      - type: json_parser
        parse_to: attributes
        timestamp: {parse_from: attributes.stageTimestamp, layout_type: gotime, layout: "2006-01-02T15:04:05.000000Z"}
      - type: retain
        fields: [attributes.level, attributes.auditID, attributes.verb, attributes.user.username, attributes.objectRef.resource,
          attributes.objectRef.namespace, attributes.objectRef.name, attributes.objectRef.subresource, attributes.objectRef.apiGroup,
          attributes.responseStatus.code]
processors:
  batch: {send_batch_size: 1000, send_batch_max_size: 1000, timeout: 200ms}
exporters:
  otlp_http: {endpoint: %q}
service:
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines:
    logs: {receivers: [file_log], processors: [batch], exporters: [otlp_http]}
`

func otelcol(program string, t task) (*exec.Cmd, error) {
	config := filepath.Join(t.dir, "otelcol.yaml")
	text := fmt.Sprintf(collectorConfig, t.log, t.name, t.sink+"/otlp")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configure the collector: %w", err)
	}
	return exec.Command(program, "--config", config), nil
}

// fluentBit has buffers that take the longest lines: as it comes, it gives up a file at
// a line over 32 KiB.
func fluentBit(program string, t task) (*exec.Cmd, error) {
	target, err := url.Parse(t.sink)
	if err != nil {
		return nil, fmt.Errorf("configure Fluent Bit: %w", err)
	}
	return exec.Command(program, "-q", "-f", "0.3",
		"-i", "tail", "-p", "path="+t.log, "-p", "read_from_head=true", "-p", "buffer_chunk_size=1M", "-p", "buffer_max_size=32M",
		"-o", "loki", "-m", "*", "-p", "host="+target.Hostname(), "-p", "port="+target.Port(), "-p", "labels=job="+t.name, "-p", "drop_single_key=raw"), nil
}

const vectorConfig = `data_dir: %q
sources:
  audit: {type: file, include: [%q], read_from: beginning, max_line_bytes: 33554432}
sinks:
  loki: {type: loki, inputs: [audit], endpoint: %q, labels: {job: %q}, encoding: {codec: text}, healthcheck: {enabled: false}}
`

func vector(program string, t task) (*exec.Cmd, error) {
	config := filepath.Join(t.dir, "vector.yaml")
	text := fmt.Sprintf(vectorConfig, t.dir, t.log, t.sink, t.name)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configure Vector: %w", err)
	}
	return exec.Command(program, "--quiet", "--config", config), nil
}

// stream has one program stream the log and notes its cost until all lines came, or
// until no more came for a while. A program that was not found is left out.
func (p *peer) stream(ctx context.Context, s sink, dir, log string, lines, run int) (err error) {
	if p.program == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	t := task{log: log, sink: s.base(), name: fmt.Sprintf("%s-%d", p.label, run)}
	if t.dir, err = os.MkdirTemp(dir, "peer-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(t.dir)) }()
	cmd, err := p.command(p.program, t)
	if err != nil {
		return err
	}
	cmd.Dir = t.dir
	before, err := s.count(ctx, p.label, t.name)
	if err != nil {
		return err
	}
	running, err := process.Start(p.name, cmd, filepath.Join(t.dir, "log"))
	if err != nil {
		return err
	}
	defer running.Kill()
	f, err := p.watch(ctx, s, t, running, before, lines)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, err, running.Log())
	}
	p.runs = append(p.runs, f)
	return nil
}

// watch asks the sink until it has every line beside those before, and reads the cost at
// the time of the last change.
func (p *peer) watch(ctx context.Context, s sink, t task, running *process.Process, before, lines int) (f figure, err error) {
	begin, changed := time.Now(), time.Now()
	for f.lines < lines && (f.lines == 0 || time.Since(changed) < settled) {
		select {
		case <-running.Done():
			return f, errors.New("it has ended")
		case <-ctx.Done():
			return f, fmt.Errorf("%d of %d lines came: %w", f.lines, lines, ctx.Err())
		case <-time.After(askEvery):
		}
		n, err := s.count(ctx, p.label, t.name)
		if err != nil {
			return f, err
		}
		if n -= before; n == f.lines {
			continue
		}
		f.lines, changed, f.elapsed = n, time.Now(), time.Since(begin).Seconds()
		if f.cpu, err = cpuOf(running.PID()); err != nil {
			return f, err
		}
		if f.peak, err = peakOf(running.PID()); err != nil {
			return f, err
		}
	}
	return f, nil
}
