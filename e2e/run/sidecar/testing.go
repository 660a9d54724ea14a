package sidecar

import (
	"context"
	"testing"
	"time"
)

// Launch starts the process for a test, which kills it at its end and shows its
// log if it failed.
func Launch(t testing.TB, cfg Config) *Process {
	t.Helper()
	p, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			log := p.Log()
			t.Logf("the log of process %d ends:\n%s", p.PID(), log[max(0, len(log)-40_000):])
		}
	})
	return p
}

// Stop ends the process with SIGTERM; it must end cleanly.
func (p *Process) Stop(t testing.TB, limit time.Duration) {
	t.Helper()
	begin := time.Now()
	if code, err := p.Terminate(limit); err != nil || code != 0 {
		t.Fatalf("SIGTERM: exit code %d, %v", code, err)
	}
	t.Logf("SIGTERM: ended after %v", time.Since(begin).Round(time.Millisecond))
}

// Ready waits until /readyz says yes, or says no with all of the texts.
func (p *Process) Ready(t testing.TB, limit time.Duration, ready bool, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	body, err := p.WaitReady(ctx, ready, texts...)
	if err != nil {
		t.Fatal(err)
	}
	if !ready {
		t.Logf("/readyz: %s", body)
	}
}

// Metric waits until the metrics are as done says, and returns them; names are
// those that a failure shows.
func (p *Process) Metric(t testing.TB, limit time.Duration, done func(map[string]float64) bool, names ...string) map[string]float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	m, err := p.WaitMetrics(ctx, done, names...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Call runs the binary to its end.
func Call(t testing.TB, limit time.Duration, cfg Config) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	v, err := Verb(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
