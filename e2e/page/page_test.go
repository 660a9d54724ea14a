//go:build e2e

package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/page/chromium"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

const (
	// maxPage is the size that the page may have, maxTimes how many times as long
	// as /metrics it may take, each in the quickest of some requests.
	maxPage  = 60 << 10
	maxTimes = 10
	// phone and desktop are the widths it is looked at.
	phone, desktop = 390, 1280
)

// fixture is a sidecar with both its sinks.
type fixture struct {
	*sidecar.Process
	t      *testing.T
	dir    string
	url    string
	writer *audittest.Writer
	loki   *http.Server
}

// start runs the sidecar and has it archive and stream a real log.
func start(t *testing.T) *fixture {
	t.Helper()
	r := &fixture{t: t, dir: t.TempDir()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.loki = &http.Server{Handler: lokitest.New(lokitest.Config{}), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.loki.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = r.loki.Close() })
	if r.writer, err = audittest.NewWriter(audittest.Config{Path: filepath.Join(r.dir, "audit", "audit.log")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.writer.Close() })
	r.Process = sidecar.Launch(t, sidecar.Config{Binary: binary, Args: []string{
		"--audit-log-path", filepath.Join(r.dir, "audit", "audit.log"), "--archive-url", "file://" + filepath.Join(r.dir, "archive"),
		"--loki-url", "http://" + listener.Addr().String(), "--cluster", "production", "--node", "cp-1", "--heartbeat-interval", "1m", "--signing-key-file", keyOf(t, r.dir, "production", "cp-1"),
	}})
	r.url = r.URL()
	r.replay(5)
	r.wait("all is well", func(s status) bool { return s.Level == "good" && len(s.Files) > 4 })
	return r
}

// replay writes a real log in n files.
func (r *fixture) replay(files int) {
	r.t.Helper()
	lines := audittest.Fresh(audittest.Corpus(r.t, "rotated.log"), 1500*files)
	if err := r.writer.Replay(r.t.Context(), lines, 4000, 400*time.Millisecond); err != nil {
		r.t.Fatal(err)
	}
}

// status has the fields of /status.json that tests compare.
type status struct {
	Level, Headline string
	Files           []struct{ Name, State string }
	Gaps            []struct{ Reason string }
	Problems        []struct{ Title string }
}

// wait asks for the status until it is as it should be.
func (r *fixture) wait(what string, as func(status) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	var body string
	for ctx.Err() == nil {
		var s status
		var err error
		if _, body, err = r.Get(ctx, "/status.json"); err == nil && json.Unmarshal([]byte(body), &s) == nil && as(s) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("waited for: %s; the status is %s\n%s", what, body, r.Log())
}

// look shows the page on all screens and holds it against its promises.
func (r *fixture) look(c *chromium.Browser, name string, wants ...string) {
	r.t.Helper()
	code, body, err := r.Get(r.t.Context(), "/")
	if err != nil || code != http.StatusOK {
		r.t.Fatalf("%s: status %d, %v", name, code, err)
	}
	if len(body) > maxPage {
		r.t.Errorf("%s: the page has %d bytes, more than %d", name, len(body), maxPage)
	}
	for _, want := range wants {
		if !strings.Contains(body, want) {
			r.t.Errorf("%s: the page does not say %q:\n%s", name, want, body)
		}
	}
	tab := newTab(r.t, c)
	for _, width := range []int{phone, desktop} {
		for _, scheme := range []string{"light", "dark"} {
			what := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			tab.show(r.url+"/", width, scheme)
			if got := tab.width(); got > width {
				r.t.Errorf("%s: it is %d wide", what, got)
			}
			keep(r.t, what, tab.picture())
		}
	}
	for _, complaint := range c.Complaints() {
		r.t.Errorf("%s: Chromium complains: %s", name, complaint)
	}
	page, metrics := r.quickest("/"), r.quickest("/metrics")
	if page > maxTimes*metrics {
		r.t.Errorf("%s: a request takes %v, more than %d times the %v of /metrics", name, page, maxTimes, metrics)
	}
	r.t.Logf("%s: %d bytes, %v, /metrics %v", name, len(body), page, metrics)
}

// TestPage looks at one sidecar while all is well, while Loki is unavailable, and after
// the log was cut.
func TestPage(t *testing.T) {
	c := startChromium(t)
	r := start(t)
	r.look(c, "well", "All is well", "No break in the log was recorded", "auditsidecar verify file://", "production", "audit.log")

	if err := r.loki.Close(); err != nil {
		t.Fatal(err)
	}
	r.replay(1)
	r.wait("Loki is away", func(s status) bool { return strings.HasPrefix(s.Headline, "Loki has been unavailable") })
	r.look(c, "loki-away", "Loki has been unavailable for", "connection refused")

	if err := os.Truncate(filepath.Join(r.dir, "audit", "audit.log"), 100); err != nil {
		t.Fatal(err)
	}
	r.wait("the break is found", func(s status) bool { return len(s.Gaps) == 1 && s.Level == "bad" })
	r.look(c, "gap", "1 break in the log", "cut off from outside", "Loki has been unavailable")
}

// Complaints of Chromium are seen: a page of another kind has a script, a
// style and a picture from elsewhere, and is too wide.
func TestComplaintsAreSeen(t *testing.T) {
	bad := http.NewServeMux()
	bad.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		_, _ = w.Write([]byte(`<!doctype html><meta name="viewport" content="width=device-width, initial-scale=1"><title>x</title><style>p{color:red}</style><p>x<img src="/missing.png"><svg width="900" height="5"></svg>`))
	})
	server := httptest.NewServer(bad)
	defer server.Close()
	c := startChromium(t)
	tab := newTab(t, c)
	tab.show(server.URL, phone, "light")
	if width := tab.width(); width <= phone {
		t.Errorf("it is %d wide", width)
	}
	all := strings.Join(c.Complaints(), "\n")
	for _, want := range []string{"Content Security Policy", "missing.png"} {
		if !strings.Contains(all, want) {
			t.Errorf("no complaint of %s:\n%s", want, all)
		}
	}
}

// quickest is the time that a request needs at least.
func (r *fixture) quickest(path string) time.Duration {
	r.t.Helper()
	var times []time.Duration
	for range 21 {
		begin := time.Now()
		if _, _, err := r.Get(r.t.Context(), path); err != nil {
			r.t.Fatal(err)
		}
		times = append(times, time.Since(begin))
	}
	return slices.Min(times)
}

// keep leaves a picture where the environment says.
func keep(t *testing.T, name string, png []byte) {
	t.Helper()
	dir := os.Getenv("PAGE_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}
