package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/contents"
)

func TestLs(t *testing.T) {
	audit, archive := t.TempDir(), t.TempDir()
	log := filepath.Join(audit, "audit.log")
	put(t, filepath.Join(audit, "audit-2026-11-22T17-00-00.000.log"), audittest.Corpus(t, "diverse.log"))
	put(t, log, nil)
	ok(t, "run", "--once", "--audit-log-path", log, "--archive-url", archive, "--cluster", "prod", "--node", "cp1", "--listen", "127.0.0.1:0")

	for _, args := range [][]string{{}, {"--nodes"}, {"-o", "wide"}, {"--cluster", "prod", "--node", "cp1", "--since", "24h"}} {
		out := ok(t, append([]string{"ls", archive}, args...)...).stdout
		if !strings.Contains(out, "prod") || !strings.Contains(out, "cp1") || !strings.Contains(out, "FILES") || strings.Count(out, "\n") != 2 {
			t.Errorf("ls %q:\n%s", args, out)
		}
	}
	if out := ok(t, "ls", archive, "--gaps").stdout; !strings.Contains(out, "REASON") {
		t.Errorf("gaps:\n%s", out)
	}
	var days []contents.Day
	must(t, json.Unmarshal([]byte(ok(t, "ls", "file://"+archive, "-o", "json").stdout), &days))
	if len(days) != 1 || days[0].Files != 1 || days[0].Lines == 0 || len(days[0].Epochs) != 1 {
		t.Errorf("days %+v", days)
	}

	call(t, "ls", archive, "--to", "2020-01-01").refused(t, exitFailed, "no record of these flags")
	call(t, "ls", archive, "--gaps", "--nodes").refused(t, exitUsage, "--nodes and --gaps")
	call(t, "ls", filepath.Join(archive, "missing")).refused(t, exitFailed, "no such file")
	call(t, "ls", log).refused(t, exitUsage, "is a file")
	empty := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(empty, "manifests"), 0o700))
	call(t, "ls", empty).refused(t, exitFailed, "no record")
}
