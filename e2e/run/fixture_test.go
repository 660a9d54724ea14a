//go:build e2e

package run

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// The longest that the sidecar may need to catch up once the writer is done, and
// to end after SIGTERM. Only a hang takes so long, however busy the machine is.
const (
	catchUp   = 5 * time.Minute
	stopLimit = 2 * time.Minute
)

// fixture is one audit directory with both its sinks.
type fixture struct {
	t    *testing.T
	log  string // the path of audit.log
	node string
	url  string // of the archive
	env  []string
	args []string // more flags, of `run` and of `restore`

	stateLost bool // the state directory was removed
	loki      *lokitest.Receiver
	addr      string // of the Loki side, which serve starts
	lokiURL   string // of the same

	writer *audittest.Writer
	prunes bool // the writer deletes backups
}

// newFixture makes the directories and reserves an address for Loki. The writer is
// there at once, as kube-apiserver is; Loki is not before serve.
func newFixture(t *testing.T, writer audittest.Config) *fixture {
	t.Helper()
	dir := t.TempDir()
	r := &fixture{
		t: t, node: "cp1", log: filepath.Join(dir, "audit", "audit.log"), url: "file://" + filepath.Join(dir, "archive"),
		loki: lokitest.New(lokitest.Config{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute}),
	}
	var err error
	if r.addr, err = audittest.FreeAddress(); err != nil {
		t.Fatal(err)
	}
	r.lokiURL = "http://" + r.addr
	writer.Path, r.prunes = r.log, writer.MaxBackups > 0
	if r.prunes {
		writer.MayRotate = func() bool { return audittest.IsHeld(r.log) }
	}
	if r.writer, err = audittest.NewWriter(writer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.writer.Close() })
	return r
}

// serve starts the Loki side.
func (r *fixture) serve() {
	r.t.Helper()
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	server := &http.Server{Handler: r.loki, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	r.t.Cleanup(func() { _ = server.Close() })
}

// start runs the sidecar over the fixture.
func (r *fixture) start() *sidecar.Process {
	r.t.Helper()
	return sidecar.Launch(r.t, sidecar.Config{Binary: binary, Env: r.env, Args: r.runArgs()})
}

func (r *fixture) runArgs() []string {
	return append([]string{
		"--audit-log-path", r.log, "--archive-url", r.url, "--loki-url", r.lokiURL,
		"--cluster", "e2e", "--node", r.node, "--heartbeat-interval", "1s", // so that there are some
	}, r.args...)
}

// once runs the sidecar with --once to its end, which must be a success.
func (r *fixture) once() {
	r.t.Helper()
	args := append([]string{"run", "--once", "--listen", "127.0.0.1:0"}, r.runArgs()...)
	if v := r.verb(args...); v.Code != 0 {
		r.t.Fatalf("run --once: exit %d\n%s", v.Code, v.Stderr)
	}
}

// verb runs the binary to its end.
func (r *fixture) verb(args ...string) sidecar.Result {
	r.t.Helper()
	return sidecar.Call(r.t, catchUp, sidecar.Config{Binary: binary, Env: r.env, Args: args})
}

// replay writes n fresh lines and finishes the last file.
func (r *fixture) replay(n, rate int, rotateEvery time.Duration) {
	r.t.Helper()
	lines := audittest.Fresh(audittest.Corpus(r.t, "rotated.log"), n)
	if err := r.writer.Replay(r.t.Context(), lines, rate, rotateEvery); err != nil {
		r.t.Fatal(err)
	}
	if err := r.writer.Rotate(); err != nil {
		r.t.Fatal(err)
	}
}

// finished returns the account's files without a writer.
func (r *fixture) finished() []audittest.File {
	return slices.DeleteFunc(r.writer.Files(), func(f audittest.File) bool { return !f.Finished })
}

// waitLoki waits until Loki has every line that was written.
func (r *fixture) waitLoki() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), catchUp)
	defer cancel()
	if err := r.loki.WaitDistinct(ctx, int(r.writer.Lines())); err != nil {
		r.t.Fatal(err)
	}
}

// waitReady waits until /readyz says yes, or says no with all of the texts.
func (r *fixture) waitReady(p *sidecar.Process, ready bool, texts ...string) {
	r.t.Helper()
	p.Ready(r.t, catchUp, ready, texts...)
}

// waitArchived waits until the process says that it archived n files.
func (r *fixture) waitArchived(p *sidecar.Process, n int) map[string]float64 {
	r.t.Helper()
	return p.Metric(r.t, catchUp, func(m map[string]float64) bool {
		return int(m["auditsidecar_archived_files_total"]) >= n
	}, "auditsidecar_archived_files_total", "auditsidecar_archive_pending_files", "auditsidecar_held_files")
}

// stop ends the process with SIGTERM; it must end cleanly.
func (r *fixture) stop(p *sidecar.Process) {
	r.t.Helper()
	p.Stop(r.t, stopLimit)
}
