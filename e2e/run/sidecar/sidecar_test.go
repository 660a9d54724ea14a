package sidecar

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseMetrics(t *testing.T) {
	got, err := parseMetrics("# HELP a_total text\n# TYPE a_total counter\na_total{x=\"1 {\"} 2\na_total{x=\"2\"} 3.5\n\nb 1e+06\n")
	if err != nil || len(got) != 2 || got["a_total"] != 5.5 || got["b"] != 1e6 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"novalue\n", "a x\n"} {
		if got, err := parseMetrics(bad); err == nil {
			t.Errorf("%q gave %v and no error", bad, got)
		}
	}
}

// script stands for the binary.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerb(t *testing.T) {
	t.Setenv("AUDITSIDECAR_CLUSTER", "leaked")
	r, err := Verb(t.Context(), Config{
		Binary: script(t, `echo "$1 $EXTRA$AUDITSIDECAR_CLUSTER"; echo bad >&2; exit 3`),
		Args:   []string{"version"}, Env: []string{"EXTRA=more"},
	})
	if err != nil || r.Code != 3 || string(r.Stdout) != "version more\n" || string(r.Stderr) != "bad\n" {
		t.Errorf("%q %q exit %d, %v", r.Stdout, r.Stderr, r.Code, err)
	}
	if _, err := Verb(t.Context(), Config{Binary: "/nonexistent"}); err == nil {
		t.Error("a missing binary: no error")
	}
}

func TestTerminate(t *testing.T) {
	for _, test := range []struct {
		name, body string
		limit      time.Duration
		code       int
		err        error
	}{
		{"ends cleanly", `trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done`, 5 * time.Minute, 0, nil},
		{"ends with an error", `trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done`, 5 * time.Minute, 7, nil},
		{"does not end", `trap '' TERM; echo up; while :; do sleep 0.01; done`, 300 * time.Millisecond, -1, ErrStillRunning},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := Start(Config{Binary: script(t, test.body)})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Kill()
			if err := p.poll(t.Context(), func() bool { return strings.Contains(p.Log(), "up") }); err != nil {
				t.Fatal(err)
			}
			code, err := p.Terminate(test.limit)
			if code != test.code || !errors.Is(err, test.err) {
				t.Errorf("code %d, %v; want %d, %v", code, err, test.code, test.err)
			}
			select {
			case <-p.Exited():
			default:
				t.Error("the process was left running")
			}
		})
	}
}

func TestWaitingEndsWithTheProcess(t *testing.T) {
	p, err := Start(Config{Binary: script(t, "echo no such flag >&2; exit 2")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WaitReady(t.Context(), true); !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("waiting for a process that ended: %v", err)
	}
	if code, err := p.ExitCode(t.Context()); code != 2 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	p, err := Start(Config{Binary: script(t, "exec sleep 60")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.WaitMetrics(ctx, func(map[string]float64) bool { return true }, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting in vain: %v", err)
	}
}
