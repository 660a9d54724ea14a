package loki

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

const (
	// Only a hang takes so long, however busy the machine is.
	catchUp   = 5 * time.Minute // the longest that streaming may need once all is written
	stopLimit = 2 * time.Minute // the longest that SIGTERM may take
	lokiLimit = 256 << 10       // limits_config.max_line_size of the shipped configuration
)

// fixture is one audit directory whose log goes to one cluster label of a Loki.
type fixture struct {
	t       *testing.T
	loki    *lokiserver.Server
	cluster string
	began   time.Time
	dir     string
	args    []string
	writer  *audittest.Writer
}

// newFixture makes the directories and the writer. pushTo is where the sidecar
// pushes: Loki itself, or something in front of it.
func newFixture(t *testing.T, loki *lokiserver.Server, cluster, pushTo string, writer audittest.Config) *fixture {
	t.Helper()
	dir := t.TempDir()
	r := &fixture{t: t, loki: loki, cluster: cluster, began: time.Now(), dir: dir}
	writer.Path = filepath.Join(dir, "audit", "audit.log")
	r.args = []string{
		"--audit-log-path", writer.Path, "--archive-url", "file://" + filepath.Join(dir, "archive"),
		"--loki-url", pushTo, "--cluster", cluster, "--node", "cp1",
	}
	var err error
	if r.writer, err = audittest.NewWriter(writer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.writer.Close() })
	return r
}

// start runs the sidecar and waits until it is ready.
func (r *fixture) start() *sidecar.Process {
	r.t.Helper()
	p := r.launch()
	p.Ready(r.t, catchUp, true)
	return p
}

// waitMetrics waits until the process has a metric.
func (r *fixture) waitMetrics(p *sidecar.Process, name string) map[string]float64 {
	r.t.Helper()
	return p.Metric(r.t, catchUp, func(m map[string]float64) bool { _, ok := m[name]; return ok }, name)
}

// launch runs the sidecar.
func (r *fixture) launch() *sidecar.Process {
	r.t.Helper()
	return sidecar.Launch(r.t, sidecar.Config{Binary: binary, Args: r.args})
}

// waitStreamed waits until the process says that Loki has n lines from it.
func (r *fixture) waitStreamed(p *sidecar.Process, n int64) map[string]float64 {
	r.t.Helper()
	return p.Metric(r.t, catchUp, func(m map[string]float64) bool {
		return int64(m["auditsidecar_streamed_lines_total"]) >= n
	}, "auditsidecar_streamed_lines_total", "auditsidecar_loki_lag_bytes", "auditsidecar_loki_refused_lines_total")
}

// stop ends the sidecar with SIGTERM, which drains; it must end cleanly.
func (r *fixture) stop(p *sidecar.Process) {
	r.t.Helper()
	p.Stop(r.t, stopLimit)
}

// account is the outcome of the lines of a fixture.
type account struct {
	in, found, identical, redacted, shrunk int
}

// touchable are the lines that a rule of redaction may apply to: all that speak
// of a secret or a token. The others must arrive as they are.
var touchable = regexp.MustCompile(`(?i)secret|token|bearer|authorization|last-applied`)

// check reads everything that Loki has of this fixture's log and compares it with
// the written lines: each is there once, as T(line).
func (r *fixture) check() account {
	r.t.Helper()
	var a account
	left := make(map[string]int)
	transform := r.transform()
	for _, f := range r.writer.Files() {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			r.t.Fatal(err)
		}
		for line := range audittest.Lines(content) {
			a.in++
			redacted := transform(line)
			sent := shrink.Line(redacted, lokiLimit, nil)
			if len(line) <= lokiLimit && !touchable.Match(line) && !bytes.Equal(sent, line) {
				r.t.Errorf("a line without a secret, short enough for Loki, is changed: %.300s", line)
			}
			switch {
			case len(sent) != len(redacted):
				a.shrunk++
			case !bytes.Equal(line, redacted):
				a.redacted++
			default:
				a.identical++
			}
			left[string(sent)]++
		}
	}
	a.found = r.compare(left)
	return a
}

// compare takes Loki's entries off the expected ones and reports every
// difference.
func (r *fixture) compare(left map[string]int) (found int) {
	r.t.Helper()
	// Lines of the past are within a day; fresh ones are of now.
	got, err := r.loki.All(r.t.Context(), `{job="audit", cluster="`+r.cluster+`"}`, r.began.Add(-24*time.Hour), time.Now().Add(time.Minute))
	if err != nil {
		r.t.Fatal(err)
	}
	const shown = 3
	extra := 0
	for _, e := range got {
		if left[e.Line] == 0 {
			if extra++; extra <= shown {
				r.t.Errorf("Loki has a line twice, or one that was never written: %.300s", e.Line)
			}
			continue
		}
		found++
		left[e.Line]--
	}
	missing := 0
	for line, n := range left {
		if n > 0 {
			if missing += n; missing <= shown {
				r.t.Errorf("Loki lacks a line: %.300s", line)
			}
		}
	}
	if extra+missing > 0 {
		r.t.Errorf("%d lines too many, %d missing", extra, missing)
	}
	return found
}

// transform returns a line as the sidecar has it before it is shrunk: the
// default rules, with the key that it made in its state directory.
func (r *fixture) transform() func([]byte) []byte {
	r.t.Helper()
	key, err := redact.ReadKey(filepath.Join(r.dir, "audit", ".auditsidecar", "redact.key"))
	if err != nil {
		r.t.Fatal(err)
	}
	policy, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	redactor := redact.New(policy, key)
	return func(line []byte) []byte {
		out, _ := redactor.Line(nil, line)
		return out
	}
}

// drain rotates, waits until the process has read to the end, and stops it.
// Lines sent twice are counted twice, so the count of lines proves nothing.
func (r *fixture) drain(p *sidecar.Process) {
	r.t.Helper()
	if err := r.writer.Rotate(); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), catchUp)
	defer cancel()
	if _, err := p.WaitMetrics(ctx, func(m map[string]float64) bool {
		return m["auditsidecar_archived_files_total"] > 0 && m["auditsidecar_held_files"] == 1 && m["auditsidecar_loki_lag_bytes"] == 0
	}, "auditsidecar_held_files", "auditsidecar_loki_lag_bytes", "auditsidecar_streamed_lines_total"); err != nil {
		r.t.Fatal(err)
	}
	r.stop(p)
}

// readFields reads the fields of a line and reports whether it is an event.
func readFields(line []byte, f *lokipush.Fields) bool {
	var d auditline.Decoder
	var e auditline.Event
	what, _ := d.Line(line, &e)
	f.Set(&e)
	return what == auditline.Canonical || what == auditline.Irregular
}
