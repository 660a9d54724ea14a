//go:build e2e

package run

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// TestI1_OpenFile follows a file that is not rotated. A node that is lost
// leaves it in the archive up to the last increment; so does one whose sidecar
// lost its state, without a line twice; and once it is rotated the archive has
// the file, and only that.
func TestI1_OpenFile(t *testing.T) {
	t.Run("directory", func(t *testing.T) { openFile(t, newFixture(t, audittest.Config{})) })
	t.Run("S3", func(t *testing.T) {
		s := s3server.Start(t)
		r := newFixture(t, audittest.Config{})
		r.onS3(s, s.Bucket)
		openFile(t, r)
	})
}

func openFile(t *testing.T, r *fixture) {
	r.env = append(r.env, "AUDITSIDECAR_ARCHIVE_MAX_LAG=1s")
	r.serve()

	r.write(1500)
	p := r.start()
	r.waitOpen(p)
	r.write(1500)
	r.waitOpen(p)
	p.Kill()
	r.checkPartial()

	r.write(1000)
	p = r.start()
	r.waitOpen(p)
	p.Kill()
	r.checkPartial()

	if err := os.RemoveAll(filepath.Join(filepath.Dir(r.log), ".auditsidecar")); err != nil {
		t.Fatal(err)
	}
	r.stateLost = true
	r.write(1000)
	p = r.start()
	r.waitOpen(p)
	r.checkPartial()

	if err := r.writer.Rotate(); err != nil {
		t.Fatal(err)
	}
	r.waitArchived(p, 1)
	r.stop(p)
	r.checkArchive()
}

// write appends n lines to the open file.
func (r *fixture) write(n int) {
	r.t.Helper()
	lines := audittest.Fresh(audittest.Corpus(r.t, "rotated.log"), n)
	if err := r.writer.Replay(r.t.Context(), lines, 0, 0); err != nil {
		r.t.Fatal(err)
	}
}

// waitOpen waits until the archive has all of the open file.
func (r *fixture) waitOpen(p *sidecar.Process) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), catchUp)
	defer cancel()
	const bytes = "auditsidecar_archived_open_bytes"
	want := float64(r.writer.Bytes())
	if _, err := p.WaitMetrics(ctx, func(m map[string]float64) bool { return m[bytes] == want }, bytes); err != nil {
		r.t.Fatalf("want %.0f: %v", want, err)
	}
}

// checkPartial restores the open file from the archive alone.
func (r *fixture) checkPartial() {
	r.t.Helper()
	v := r.verb(append([]string{"restore", r.url}, r.args...)...)
	if want := audittest.ReadFile(r.t, r.log); v.Code != 0 || !bytes.Equal(v.Stdout, want) {
		r.t.Errorf("restore: exit %d, %d bytes, want %d; they differ at %d\n%s", v.Code, len(v.Stdout), len(want), audittest.FirstDifference(v.Stdout, want), v.Stderr)
	}
	dir := r.t.TempDir()
	if v := r.verb(append([]string{"restore", r.url, "--out", dir}, r.args...)...); v.Code != 0 {
		r.t.Fatalf("restore -o: exit %d: %s", v.Code, v.Stderr)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "audit.log.partial" {
		r.t.Errorf("restore -o made %v, %v", entries, err)
	}
}
