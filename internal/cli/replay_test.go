package cli

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// Lines come out of an archive as they were, all or some, or go into Loki.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	log := audittest.Corpus(t, "diverse.log")
	archive := filepath.Join(dir, "archive")
	ok(t, "convert", put(t, filepath.Join(dir, backup), log), "--out", archive)
	same(t, "all lines", []byte(ok(t, "replay", archive).stdout), log)
	same(t, "all lines by URL", []byte(ok(t, "replay", "file://"+archive).stdout), log)

	want := 0
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, `"verb":"delete"`) && strings.Contains(line, `"resource":"pods"`) {
			want++
		}
	}
	out := ok(t, "replay", archive, "--verb", "delete", "--resource", "pods", "--from", "2026-11-22").stdout
	if got := strings.Count(out, "\n"); got != want || want == 0 {
		t.Errorf("%d deletions of pods, want %d", got, want)
	}
	if out := ok(t, "replay", "file://"+archive, "--to", "2026-11-01").stdout; out != "" {
		t.Errorf("before the first line there is %q", out)
	}

	loki := lokitest.New(lokitest.Config{})
	server := httptest.NewServer(loki)
	defer server.Close()
	r := ok(t, "replay", archive, "--user", "dev-1", "--loki-url", server.URL, "--id", "incident-42")
	if n := strings.Count(ok(t, "replay", archive, "--user", "dev-1").stdout, "\n"); loki.Count() != n || n == 0 {
		t.Errorf("%d entries in Loki, want %d", loki.Count(), n)
	}
	for labels := range loki.Streams() {
		if !strings.Contains(labels, `job="audit-replay"`) || !strings.Contains(labels, `replay="incident-42"`) {
			t.Errorf("stream %s", labels)
		}
	}
	if !strings.Contains(r.stderr, `replay="incident-42"`) {
		t.Errorf("%s", r.stderr)
	}
}

func TestReplayUsage(t *testing.T) {
	call(t, "replay").refused(t, exitUsage, "at least 1")
	call(t, "replay", "x", "--from", "yesterday").refused(t, exitUsage, "--from", "2026-11-22")
	call(t, "replay", "x", "--to", "2026-13-01").refused(t, exitUsage, "--to", "2026-11-22")
	call(t, "replay", "x", "--from", "2026-03-02", "--to", "2026-03-01", "--id", "a", "--redact", "archive", "--loki-tenant", "a\n").
		refused(t, exitUsage, "--from", "--to", "--id", "--redact=archive", "--loki-tenant")
	call(t, "replay", "x", "--from", "2026-03-02", "--to", "2026-03-02").refused(t, exitUsage, "is not before")
}
