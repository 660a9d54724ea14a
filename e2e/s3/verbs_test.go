//go:build e2e

package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// meeting is a proxy to a server that answers no request for a data object until requests for
// some of them are there at the same time.
type meeting struct {
	to     http.Handler
	mu     sync.Mutex
	asked  map[string]bool
	wanted int
	met    chan struct{}
}

// ServeHTTP implements [http.Handler].
func (m *meeting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".parquet") {
		m.mu.Lock()
		if m.asked[r.URL.Path] = true; len(m.asked) == m.wanted {
			close(m.met)
		}
		m.mu.Unlock()
		select {
		case <-m.met:
		case <-r.Context().Done():
		}
	}
	m.to.ServeHTTP(w, r)
}

// restore and replay fetch two sources ahead of the one that they read, and give what was
// archived; search finds the same lines.
func TestVerbsReadABucket(t *testing.T) {
	s := start(t)
	binary, err := builds.Auditsidecar()
	audittest.Must(t, err)
	to, err := url.Parse(s.Endpoint)
	audittest.Must(t, err)
	verb := func(endpoint string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, append(args, "--s3-endpoint", endpoint, "--s3-region", s.Region, "--s3-path-style")...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("auditsidecar %q: %v\n%s", args, err, stderr.String())
		}
		return string(out)
	}
	const files = 5
	dir, archived := t.TempDir(), map[string][]byte{}
	var whole []byte
	lines := bytes.SplitAfterN(audittest.Corpus(t, "diverse.log"), []byte("\n"), 60*files+1)
	for i := range files {
		name := fmt.Sprintf("audit-2026-11-22T17-%02d-00.000.log", 10+i)
		archived[name] = bytes.Join(lines[60*i:60*(i+1)], nil)
		whole = append(whole, archived[name]...)
		audittest.Must(t, os.WriteFile(filepath.Join(dir, name), archived[name], 0o600))
	}
	verb(s.Endpoint, "run", "--once", "--audit-log-path", filepath.Join(dir, "audit.log"), "--archive-url", s.URL("p"), "--cluster", "c", "--node", "n")

	ahead := func() string { // one proxy for each call
		proxy := httptest.NewServer(&meeting{to: httputil.NewSingleHostReverseProxy(to), asked: map[string]bool{}, wanted: 3, met: make(chan struct{})})
		t.Cleanup(proxy.Close)
		return proxy.URL
	}
	out := t.TempDir()
	verb(ahead(), "restore", s.URL("p"), "--out", out)
	for name, want := range archived {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d (%v)", name, len(got), len(want), err)
		}
	}
	if got := verb(ahead(), "replay", s.URL("p")); got != string(whole) {
		t.Errorf("replay: %d bytes, want %d", len(got), len(whole))
	}
	created := verb(ahead(), "replay", s.URL("p"), "--verb", "create")
	if n := strings.Count(created, "\n"); n == 0 || created != verb(s.Endpoint, "search", s.URL("p"), "--verb", "create", "-o", "json") {
		t.Errorf("search finds other lines than the %d of replay", n)
	}
}
