//go:build e2e

package run

import (
	"bytes"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// TestI5_RedactedArchive redacts the archive as well, and kills the sidecar
// while it does. The archive has each line as redaction makes it, of the open
// file and of the finished ones, and proves itself.
func TestI5_RedactedArchive(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	r.env = []string{"AUDITSIDECAR_REDACT=archive", "AUDITSIDECAR_ARCHIVE_MAX_LAG=1s"}
	r.serve()
	p := r.start()
	for range 2 {
		r.write(1500)
		r.waitOpen(p)
		p.Kill()
		r.checkRedacted(audittest.ReadFile(t, r.log))
		p = r.start()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := audittest.Fresh(audittest.Corpus(t, "rotated.log"), 12000)
		if err := r.writer.Replay(t.Context(), lines, linesPerSecond, time.Second); err != nil {
			t.Error(err)
		}
	}()
	for range 3 {
		time.Sleep(800 * time.Millisecond)
		p.Kill()
		p = r.start()
	}
	<-done
	if err := r.writer.Rotate(); err != nil {
		t.Fatal(err)
	}
	r.waitLoki()
	r.stop(p)
	r.once()
	r.checkLoki()
	var want []byte
	for _, f := range r.finished() {
		want = append(want, audittest.ReadFile(t, f.Path)...)
	}
	r.checkRedacted(want)
	if v := r.verb("verify", "--deep", r.url); v.Code != 0 {
		t.Errorf("verify: exit %d\n%s%s", v.Code, v.Stdout, v.Stderr)
	}
}

// checkRedacted restores the archive and compares it with the redacted form of
// the written ones.
func (r *fixture) checkRedacted(written []byte) {
	r.t.Helper()
	var want bytes.Buffer
	tally, err := r.redactor().Copy(r.t.Context(), &want, bytes.NewReader(written))
	if err != nil || tally.Changed == 0 {
		r.t.Fatalf("%d lines to redact: %v", tally.Changed, err)
	}
	v := r.verb("restore", r.url)
	if v.Code != 0 || !bytes.Equal(v.Stdout, want.Bytes()) {
		r.t.Errorf("restore: exit %d, %d bytes, want %d; they differ at %d\n%s", v.Code, len(v.Stdout), want.Len(), audittest.FirstDifference(v.Stdout, want.Bytes()), v.Stderr)
	}
}
