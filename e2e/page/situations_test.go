//go:build e2e

package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// situation is a fault of a node.
type situation struct {
	log     string                   // the file that kube-apiserver writes; empty: none
	args    func(*situated) []string // in addition
	unkeyed bool
	counter func(asked int64) int64 // kube-apiserver's counts; nil: it is not asked
	later   func(*situated)         // once it runs

	level, headline string // the beginning of it
	says            string // on the page
	ready           bool
}

// situated is a node in a situation.
type situated struct {
	t   *testing.T
	dir string
	key string
}

// write makes lines of a real log appear in a file of the audit directory.
func (n *situated) write(name string, lines int) {
	n.t.Helper()
	var text []byte
	for line := range audittest.Fresh(audittest.Corpus(n.t, "rotated.log"), lines) {
		text = append(append(bytes.Clone(text), bytes.TrimSuffix(line, []byte("\n"))...), '\n')
	}
	file, err := os.OpenFile(filepath.Join(n.dir, "audit", name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.Write(text)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// aged makes a file look as if its last line had come some time ago.
func (n *situated) aged(name string, age time.Duration) {
	n.t.Helper()
	at := time.Now().Add(-age)
	if err := os.Chtimes(filepath.Join(n.dir, "audit", name), at, at); err != nil {
		n.t.Fatal(err)
	}
}

// TestSituations runs the binary in all that may be wrong: nothing of it is green, on the
// page, in its JSON, in /readyz and in the metric, but a log at rest whose counter rests.
func TestSituations(t *testing.T) {
	refuses := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	s3 := func(endpoint string) func(*situated) []string {
		return func(*situated) []string {
			return []string{"--archive-url", "s3://wrong/x", "--s3-endpoint", endpoint, "--s3-region", "r", "--s3-path-style"}
		}
	}
	noBucket := refuses(http.StatusNotFound, `<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>`)
	noTenant := refuses(http.StatusUnauthorized, "no org id\n")
	rest := func(int64) int64 { return 1000 }
	for name, test := range map[string]situation{
		"well":            {log: "audit.log", level: "good", headline: "All is well", ready: true},
		"wrong name":      {log: "kube-audit.log", level: "bad", headline: "There is no audit.log in", says: "The nearest name there is kube-audit.log"},
		"empty directory": {level: "bad", headline: "There is no audit.log in", says: "No line ever arrived"},
		"wrong mount": {log: "audit.log", args: func(n *situated) []string {
			return []string{"--audit-log-path", filepath.Join(n.dir, "elsewhere", "audit.log")}
		},
			level: "bad", headline: "It cannot start yet: waiting for the audit directory", says: "not known yet"},
		"silent with a counter that rises": {log: "audit.log", counter: func(asked int64) int64 { return 1000 + asked },
			later: func(n *situated) { n.aged("audit.log", time.Hour) }, level: "bad", headline: "kube-apiserver counts events, and no line arrives"},
		"silent without a counter": {log: "audit.log", later: func(n *situated) { n.aged("audit.log", time.Hour) },
			level: "warn", headline: "No line has arrived for", says: "--apiserver-metrics-url", ready: true},
		"silent with a counter that does not answer": {log: "audit.log", args: func(*situated) []string { return []string{"--apiserver-metrics-url", "http://127.0.0.1:1/metrics"} },
			later: func(n *situated) { n.aged("audit.log", time.Hour) }, level: "warn", headline: "No line has arrived for", ready: true},
		"quiet":          {log: "audit.log", counter: rest, later: func(n *situated) { n.aged("audit.log", time.Hour) }, level: "good", headline: "All is well", ready: true},
		"wrong bucket":   {log: "audit.log", args: s3(noBucket), level: "bad", headline: "Archive has refused everything for", says: "NoSuchBucket"},
		"wrong endpoint": {log: "audit.log", args: s3("http://127.0.0.1:1"), level: "warn", headline: "Archive has not been reached since the start: no connection"},
		"wrong tenant": {log: "audit.log", args: func(*situated) []string { return []string{"--loki-url", noTenant} },
			level: "bad", headline: "Loki has refused everything for", says: "Check the credentials and the tenant ID"},
		"no key": {log: "audit.log", unkeyed: true, level: "warn", headline: "The records are not signed", says: "auditsidecar keygen", ready: true},
		"tiny budget": {log: "audit.log", args: func(*situated) []string { return []string{"--held-max-bytes", "1KiB"} },
			level: "warn", headline: "The disk budget of 1.0 kB is too small", says: "--held-max-bytes", ready: true},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			p := test.run(t)
			last := p.wait(t, test.level, test.headline)
			if text, err := p.WaitReady(t.Context(), test.ready); err != nil {
				t.Errorf("/readyz: %s, %v", text, err)
			}
			_, page, err := p.Get(t.Context(), "/")
			if err != nil || !strings.Contains(page, test.says) {
				t.Errorf("the page does not say %q (%v):\n%s", test.says, err, page)
			}
			for _, part := range last.Parts { // sampled each ten seconds
				want := fmt.Sprintf("auditsidecar_state{part=%q,state=%q} 1", part.Name, part.State)
				for test.level == "good" && !strings.Contains(p.metrics(t), want) {
					time.Sleep(100 * time.Millisecond)
				}
			}
			t.Logf("%s: %s", last.Level, last.Headline)
			if os.Getenv("PAGE_SCREENSHOTS") != "" {
				c := startChromium(t)
				tab := newTab(t, c)
				for _, width := range []int{phone, desktop} {
					tab.show(p.URL()+"/", width, "light")
					keep(t, fmt.Sprintf("%s-%d", strings.ReplaceAll(name, " ", "-"), width), tab.picture())
				}
			}
		})
	}
}

// node is a sidecar in a situation.
type node struct{ *sidecar.Process }

// answer has the fields of /status.json that tests compare.
type answer struct {
	Level, Headline string
	Parts           []struct{ Name, State string }
}

func (s *situation) run(t *testing.T) *node {
	t.Helper()
	n := &situated{t: t, dir: t.TempDir()}
	n.key = keyOf(t, n.dir, "c", "n")
	if err := os.MkdirAll(filepath.Join(n.dir, "audit"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s.log != "" {
		n.write(s.log, 50)
	}
	args := []string{"--audit-log-path", filepath.Join(n.dir, "audit", "audit.log"), "--archive-url", "file://" + filepath.Join(n.dir, "archive"), "--cluster", "c", "--node", "n"}
	if !s.unkeyed {
		args = append(args, "--signing-key-file", n.key)
	}
	if s.counter != nil {
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "apiserver_audit_event_total %d\nprocess_start_time_seconds 1\n", s.counter(asked.Add(1)))
		}))
		t.Cleanup(server.Close)
		args = append(args, "--apiserver-metrics-url", server.URL+"/metrics")
	}
	if s.args != nil {
		args = append(args, s.args(n)...)
	}
	if s.later != nil {
		s.later(n)
	}
	return &node{sidecar.Launch(t, sidecar.Config{Binary: binary, Args: args, Env: []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}})}
}

// wait waits for a judgement, in which the process is never green unless that is awaited.
func (n *node) wait(t *testing.T, level, headline string) (last answer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		var now answer
		_, body, err := n.Get(ctx, "/status.json")
		if err != nil || json.Unmarshal([]byte(body), &now) != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if last = now; last.Level == level && strings.HasPrefix(last.Headline, headline) {
			return last
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("waited for %s %q; it is %s %q\n%s", level, headline, last.Level, last.Headline, n.Log())
	return last
}

func (n *node) metrics(t *testing.T) string {
	t.Helper()
	_, body, err := n.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// keyOf makes a signing key in a directory.
func keyOf(t *testing.T, dir, cluster, name string) string {
	t.Helper()
	key := filepath.Join(dir, "key")
	r, err := sidecar.Verb(t.Context(), sidecar.Config{Binary: binary, Args: []string{"keygen", "--cluster", cluster, "--node", name, "--out", key}})
	if err != nil || r.Code != 0 {
		t.Fatalf("keygen: %d %s, %v", r.Code, r.Stderr, err)
	}
	return key
}
