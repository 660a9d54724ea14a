//go:build e2e

package run

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Several API servers of one node, as OpenShift has them, each with a sidecar: one archive, names of the node that differ
// and files that have the same names and bytes. Each log comes back as it was, and one sidecar's death is its own.
func TestSeveralLogs(t *testing.T) {
	server := newFixture(t, audittest.Config{})
	oauth := newFixture(t, audittest.Config{})
	oauth.node, oauth.url = "cp1-oauth", server.url
	server.serve()
	oauth.serve()
	first, second := server.start(), oauth.start()
	server.replay(500, linesPerSecond, 100*time.Millisecond)
	oauth.replay(500, linesPerSecond, 100*time.Millisecond)
	second.Kill()
	server.replay(500, linesPerSecond, 100*time.Millisecond)
	oauth.replay(500, linesPerSecond, 100*time.Millisecond)
	second = oauth.start()
	server.waitLoki()
	oauth.waitLoki()
	server.stop(first)
	oauth.stop(second)
	server.once()
	oauth.once()

	same := newFixture(t, audittest.Config{})
	same.node, same.url = "cp1-same", server.url
	same.serve()
	for _, f := range server.finished() {
		if err := os.WriteFile(filepath.Join(filepath.Dir(same.log), f.Name), audittest.ReadFile(t, f.Path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same.once()

	server.checkLoki()
	oauth.checkLoki()
	for node, log := range map[*fixture]*fixture{server: server, oauth: oauth, same: server} {
		var want []byte
		for _, f := range log.finished() {
			want = append(want, audittest.ReadFile(t, f.Path)...)
		}
		got := server.verb("restore", server.url, "--node", node.node)
		if got.Code != 0 || !bytes.Equal(got.Stdout, want) {
			t.Errorf("%s: restored %d bytes, written %d, exit %d: %s", node.node, len(got.Stdout), len(want), got.Code, got.Stderr)
		}
	}
	v := server.verb("verify", server.url, "--deep")
	for _, node := range []string{server.node, oauth.node, same.node} {
		if !bytes.Contains(v.Stdout, []byte("e2e/"+node)) {
			t.Errorf("verify does not name %s", node)
		}
	}
	if v.Code != 0 || bytes.Contains(v.Stdout, []byte("gap")) {
		t.Errorf("verify: exit %d: %s\n%s", v.Code, v.Stderr, v.Stdout)
	}
}
