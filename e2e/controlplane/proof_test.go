//go:build e2e

package controlplane

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// verify has the archive proven: every object and line, and, where heartbeats
// have them, kube-apiserver's own counts against the lines that the log gained.
func (r *fixture) verify() {
	r.t.Helper()
	if v := r.verb(append([]string{"verify", "--deep", r.url}, r.reach...)...); v.Code != 0 {
		r.t.Errorf("verify --deep: exit %d\n%s%s", v.Code, v.Stdout, v.Stderr)
	}
}

// checkHeartbeats reads the heartbeats of an archive on disk: while
// kube-apiserver ran they have its counts, never going back, and in the
// end as many events as requests were made or more.
func (r *fixture) checkHeartbeats() {
	r.t.Helper()
	var first, last *manifest.Server
	asked := 0
	for _, server := range heartbeats(r.t, strings.TrimPrefix(r.url, "file://")) {
		if server == nil {
			continue // kube-apiserver was not there yet, or no more
		}
		asked++
		if first == nil {
			first = server
		}
		if last != nil && (server.Before < last.After || server.After < server.Before) {
			r.t.Errorf("a heartbeat has %d to %d events, the one before %d to %d", server.Before, server.After, last.Before, last.After)
		}
		if server.Started.IsZero() || server.Errors != 0 {
			r.t.Errorf("a heartbeat says that kube-apiserver started at %v and failed to write %d events", server.Started, server.Errors)
		}
		last = server
	}
	if asked < 3 || last.After <= first.Before {
		r.t.Errorf("%d heartbeats have kube-apiserver's counters, want three at least, and events between them", asked)
		return
	}
	r.t.Logf("%d heartbeats have kube-apiserver's counters: %d events after the first", asked, last.After-first.Before)
}

// heartbeats returns the counts of kube-apiserver in the heartbeats in dir, in the
// order of their records.
func heartbeats(t *testing.T, dir string) (all []*manifest.Server) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "manifests"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var record manifest.Record
		if err := json.Unmarshal(text, &record); err != nil {
			return err
		}
		if record.Heartbeat != nil {
			all = append(all, record.Heartbeat.Server)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
