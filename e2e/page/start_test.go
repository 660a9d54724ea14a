//go:build e2e

package page

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// With 200 files of an outage to work on, the process answers /livez as soon as
// with none: in the quickest of some starts it takes less than three times as long.
func TestStart(t *testing.T) {
	none, outage := t.TempDir(), t.TempDir()
	content := audittest.Corpus(t, "rotated.log")
	put := func(dir, name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	when := time.Now().Add(-4 * time.Hour).UTC()
	for range 200 {
		when = when.Add(time.Minute)
		put(outage, "audit-"+when.Format("2006-01-02T15-04-05.000")+".log", content[:256<<10])
	}
	put(none, "audit.log", content)
	put(outage, "audit.log", content)
	quickest := map[string]time.Duration{none: time.Hour, outage: time.Hour}
	for range 7 {
		for dir, files := range map[string]float64{none: 1, outage: 201} {
			quickest[dir] = min(quickest[dir], untilAlive(t, dir, files))
		}
	}
	if quickest[outage] > 3*quickest[none] {
		t.Errorf("/livez answers after %v, and without files after %v", quickest[outage], quickest[none])
	}
	t.Logf("/livez answers after %v, and without files after %v", quickest[outage], quickest[none])
}

// untilAlive returns how long a process takes to answer /livez, and waits until
// it holds the files. Its archive is not there: the files still wait at the next
// start.
func untilAlive(t *testing.T, dir string, files float64) time.Duration {
	t.Helper()
	begin := time.Now()
	p, err := sidecar.Start(sidecar.Config{Binary: binary, Args: []string{
		"--audit-log-path", filepath.Join(dir, "audit.log"), "--archive-url", "s3://bucket/x", "--s3-endpoint", "http://127.0.0.1:1", "--s3-region", "r",
		"--cluster", "c", "--node", "n",
	}, Env: []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		if code, _, err := p.Get(ctx, "/livez"); err == nil && code == 200 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("no answer:\n%s", p.Log())
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begin)
	if m, err := p.WaitMetrics(ctx, func(m map[string]float64) bool { return m["auditsidecar_held_files"] >= files }, "auditsidecar_held_files"); err != nil {
		t.Fatalf("%v: %v", err, m)
	}
	return took
}
