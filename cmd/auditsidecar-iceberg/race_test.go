package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// The other committer is first at each step: every object is an entry once.
func TestLosesToAnother(t *testing.T) {
	for _, step := range []string{"before the commit", "before the catalog", "after the commit"} {
		s := newSite(t)
		s.small("cp-1", "cp-2", "cp-1")
		c := s.committer()
		c.batch = 2
		raced := false
		c.crash = func(at string) {
			if at == step && !raced {
				raced = true
				s.small("cp-3")
				s.sync()
			}
		}
		sum, err := c.sync(t.Context())
		must(t, errors.Join(err, sum.stopped))
		if !raced {
			t.Errorf("%s was not reached", step)
		}
		s.sync()
		s.once()
	}
}

const crashEnv = "AUDITSIDECAR_ICEBERG_CRASH"

// TestMain runs the committer as a process of its own, which is killed at a step.
func TestMain(m *testing.M) {
	step, ok := os.LookupEnv(crashEnv)
	if !ok {
		os.Exit(m.Run())
	}
	os.Exit(start(os.Args[1:], os.Stdout, os.Stderr, kill(step)))
}

func kill(step string) func(string) {
	return func(at string) {
		if at == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// Two committers run at a time, each is killed in each step of a commit; then one runs to its end:
// every object is an entry once, and the archive is as it was.
func TestRaceWithKill(t *testing.T) {
	raceWithKill(t, func(t *testing.T) *site { return newSite(t) })
}

func raceWithKill(t *testing.T, open func(t *testing.T) *site) {
	t.Helper()
	for _, step := range []string{"created", "completed", "before the commit", "before the catalog", "after the commit", "before the removal", "after the removal", "snapshots expired"} {
		t.Run(step, func(t *testing.T) {
			s := open(t)
			s.small("cp-1", "cp-2", "cp-1", "cp-3", "cp-2")
			if strings.Contains(step, "removal") || step == "snapshots expired" {
				s.sync() // with entries that --expire-before removes
				s.small("cp-3", "cp-1")
			}
			sums := s.sums()
			args := s.args("--batch", "2")
			killed := 0
			for range 2 {
				first, second := process(t, step, args), process(t, step, append(slices.Clone(args), "--expire-before", "2026-11-20", "--expire-snapshots", "1ns"))
				for _, cmd := range []*exec.Cmd{first, second} {
					if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() == -1 {
						killed++
					}
				}
			}
			if killed == 0 {
				t.Error("no process was killed")
			}
			last := process(t, "", append(slices.Clone(args), "--expire-before", "2026-11-20"))
			must(t, last.Wait())
			s.keys = slices.DeleteFunc(s.keys, func(text string) bool {
				key, err := archive.ParseKey(text)
				return err != nil || storedDay(key) < "2026-11-20"
			})
			s.once()
			if !maps.Equal(sums, s.sums()) {
				t.Error("the archive was changed")
			}
		})
	}
}

func process(t *testing.T, step string, args []string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), crashEnv+"="+step)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	t.Cleanup(func() { t.Logf("%v: %s", cmd.ProcessState, out.String()) })
	return cmd
}
