package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// run begins again with timers that may be late, once, with the arguments and
// the environment that it had.
func TestRunSlackensTimers(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "audit", backup), fewLines(t, 3))
	cmd, stderr := program(t, runOnce(dir)...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if log := stderr.String(); strings.Count(log, `"timerSlack":"4ms"`) != 1 || strings.Contains(log, slackened) {
		t.Error(log)
	}
	if len(files(t, filepath.Join(dir, "archive"))) == 0 {
		t.Error("nothing was archived")
	}
}
