//go:build e2e

package page

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// startLimit is how long the process may take to answer /livez, in the quickest
// of some starts: the machine may be busy.
const startLimit = 200 * time.Millisecond

// With 200 files of an outage to work on, it answers at once.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	audit := filepath.Join(dir, "audit")
	if err := os.Mkdir(audit, 0o700); err != nil {
		t.Fatal(err)
	}
	content := audittest.Corpus(t, "rotated.log")
	when := time.Now().Add(-4 * time.Hour).UTC()
	for range 200 {
		when = when.Add(time.Minute)
		if err := os.WriteFile(filepath.Join(audit, "audit-"+when.Format("2006-01-02T15-04-05.000")+".log"), content[:256<<10], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(audit, "audit.log"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	var times []time.Duration
	for range 7 {
		begin := time.Now()
		// An archive that is not there: the files still wait at the next start.
		p, err := sidecar.Start(sidecar.Config{Binary: binary, Args: []string{
			"--audit-log-path", filepath.Join(audit, "audit.log"), "--archive-url", "s3://bucket/x", "--s3-endpoint", "http://127.0.0.1:1", "--s3-region", "r",
			"--cluster", "c", "--node", "n",
		}, Env: []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		for {
			if code, _, err := p.Get(t.Context(), "/livez"); err == nil && code == 200 {
				break
			}
			if time.Since(begin) > time.Minute {
				t.Fatalf("no answer after %v:\n%s", time.Since(begin), p.Log())
			}
			time.Sleep(time.Millisecond)
		}
		times = append(times, time.Since(begin))
		if len(times) == 1 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			m, err := p.WaitMetrics(ctx, func(m map[string]float64) bool { return m["auditsidecar_held_files"] >= 201 }, "auditsidecar_held_files")
			cancel()
			if err != nil {
				t.Fatalf("%v: %v", err, m)
			}
		}
		p.Kill()
	}
	if took := slices.Min(times); took > startLimit {
		t.Errorf("/livez answers after %v at the earliest: more than %v (%v)", took, startLimit, times)
	}
	t.Logf("/livez answers after %v", times)
}
