package lokipush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// roundTripFunc is a transport that needs no network.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func newTestClient(tb testing.TB, cfg Config, transport http.RoundTripper) *Client {
	tb.Helper()
	if cfg.URL == "" {
		cfg.URL = "http://loki:3100"
	}
	cfg.HTTPClient = &http.Client{Transport: transport}
	c, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// batchOf has one entry for each line, a second apart.
func batchOf(tb testing.TB, lines ...string) *Batch {
	tb.Helper()
	b := newTestBatch(tb, bounds{bytes: 3 << 20})
	for i, line := range lines {
		if !b.Add(time.Unix(int64(i), 0), []byte(line), nil) {
			tb.Fatal("batch full")
		}
	}
	return b
}

func TestPushURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://loki:3100":                        "http://loki:3100/loki/api/v1/push",
		"http://loki:3100/":                       "http://loki:3100/loki/api/v1/push",
		"https://gw/tenant/":                      "https://gw/tenant/loki/api/v1/push",
		"http://loki:3100/loki/api/v1/push":       "http://loki:3100/loki/api/v1/push",
		"https://gw/custom/push?x=1#fragment":     "https://gw/custom/push?x=1",
		"http://user:secret@loki:3100":            "http://user:xxxxx@loki:3100/loki/api/v1/push",
		"http://[::1]:3100":                       "http://[::1]:3100/loki/api/v1/push",
		"loki:3100":                               "",
		"//loki:3100":                             "",
		"":                                        "",
		"ftp://loki":                              "",
		"http://":                                 "",
		"http://user:secret@loki:port":            "",
		"unix:///run/loki.sock":                   "",
		"http://user:secret@host with space:3100": "",
	} {
		c, err := New(Config{URL: in})
		if (err != nil) != (want == "") || err == nil && c.URL() != want {
			t.Errorf("%q: got %v, %v", in, c, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "http://host:3100")) {
			t.Errorf("%q: error %q shows a password or no remedy", in, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []Config{
		{URL: "http://loki", TenantID: "a\r\nX-Evil: b"},
		{URL: "http://loki", UserAgent: "a\nb"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}

func TestPushRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	client := newTestClient(t, Config{TenantID: "team-a"}, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		got = req
		body, _ = io.ReadAll(req.Body)
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}))
	b := batchOf(t, "one", "two")
	if err := client.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URL.String() != "http://loki:3100/loki/api/v1/push" || got.ContentLength != int64(len(body)) {
		t.Errorf("%s %s, length %d of %d", got.Method, got.URL, got.ContentLength, len(body))
	}
	for name, want := range map[string]string{"Content-Type": "application/x-protobuf", "X-Scope-OrgID": "team-a", "User-Agent": "auditsidecar", "Content-Encoding": ""} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	request, err := snappy.DecodeStrict(nil, body)
	if err != nil || !bytes.Equal(request, b.request()) {
		t.Errorf("body decodes to %d bytes, %v", len(request), err)
	}
}

func TestPushSendsTheSameBytesAgain(t *testing.T) {
	var bodies [][]byte
	client := newTestClient(t, Config{}, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(req.Body)
		req.Body.Close()
		bodies = append(bodies, body)
		again, err := req.GetBody() // as a transport does for a second connection
		if err != nil {
			t.Fatal(err)
		}
		body, _ = io.ReadAll(again)
		again.Close()
		bodies = append(bodies, body)
		return nil, io.ErrUnexpectedEOF
	}))
	b, other := batchOf(t, strings.Repeat("one", 1000), "two"), batchOf(t, "something else")
	for range 3 {
		if err := client.Push(t.Context(), b); DecisionOf(err) != Retry || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		_ = client.Push(t.Context(), other) // through the same buffers
	}
	for i, body := range bodies {
		if want := bodies[i%4]; len(body) == 0 || !bytes.Equal(body, want) || !bytes.Equal(body, bodies[i^1]) {
			t.Errorf("body %d differs", i)
		}
	}
}

func TestPushOfNothing(t *testing.T) {
	r := lokitest.New(lokitest.Config{})
	client := newTestClient(t, Config{}, r.Transport())
	if err := client.Push(t.Context(), newTestBatch(t, bounds{})); err != nil || r.Pushes() != 0 {
		t.Errorf("got %v after %d pushes", err, r.Pushes())
	}
}

func TestPushJudgesTheAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault lokitest.Fault
		want  *StatusError
	}{
		{"busy", lokitest.Fault{Status: 503, Body: "a\n  b\xff\n", RetryAfter: 5 * time.Second}, &StatusError{503, "a b", 5 * time.Second, Retry, "", 0, time.Time{}}},
		{"long answer", lokitest.Fault{Status: 500, Body: strings.Repeat("x", 2000)}, &StatusError{500, strings.Repeat("x", 1021) + "…", 0, Retry, "", 0, time.Time{}}},
		{"blocked", lokitest.Fault{Status: 260, Body: "blocked"}, &StatusError{260, "blocked", 0, Stop, "", 0, time.Time{}}},
		{"redirect", lokitest.Fault{Status: 307, Location: "http://loki:3100/other/push", Body: "see other"}, &StatusError{307, "see other", 0, Stop, "", 0, time.Time{}}},
		{"redirect that would lose the body", lokitest.Fault{Status: 302, Location: "http://loki:3100/login", Body: "log in"}, &StatusError{302, "log in", 0, Stop, "", 0, time.Time{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{})
			r.Inject(1, c.fault)
			client := newTestClient(t, Config{}, r.Transport())
			err := client.Push(t.Context(), batchOf(t, "line"))
			got, ok := errors.AsType[*StatusError](err)
			if !ok || *got != *c.want {
				t.Errorf("got %+v\nwant %+v", err, c.want)
			}
			if r.Pushes() != 1 || r.Count() != 0 {
				t.Errorf("%d pushes, %d stored", r.Pushes(), r.Count())
			}
		})
	}
}

func TestPushTellsAWebPageFromLoki(t *testing.T) {
	for kind, want := range map[string]Decision{"text/html; charset=UTF-8": Stop, "text/plain": Accepted, "": Accepted, "application/json": Accepted} {
		client := newTestClient(t, Config{}, roundTripFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader("<html>"))}, nil
		}))
		if err := client.Push(t.Context(), batchOf(t, "line")); DecisionOf(err) != want {
			t.Errorf("200 with %q: %v", kind, err)
		}
	}
}

func TestPushTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{})
		r.Inject(1, lokitest.Fault{Hang: true})
		client := newTestClient(t, Config{}, r.Transport())
		client.timeout = 3 * time.Second
		start := time.Now()
		err := client.Push(t.Context(), batchOf(t, "line"))
		if !errors.Is(err, context.DeadlineExceeded) || DecisionOf(err) != Retry || time.Since(start) != 3*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

// endless is an answer that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }

func TestPushReadsABoundedAnswer(t *testing.T) {
	answer := &endless{}
	client := newTestClient(t, Config{}, roundTripFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Body: io.NopCloser(answer)}, nil
	}))
	if err := client.Push(t.Context(), batchOf(t, "line")); DecisionOf(err) != Retry || answer.read > 128<<10 {
		t.Errorf("got %.100v, read %d bytes", err, answer.read)
	}
}

func TestPushLeavesTheInjectedClientAlone(t *testing.T) {
	injected := &http.Client{}
	if _, err := New(Config{URL: "http://loki", HTTPClient: injected}); err != nil || injected.CheckRedirect != nil {
		t.Error("the injected client was changed")
	}
}

// TestPushUsesAConnectionAgain also shows that answers are drained.
func TestPushUsesAConnectionAgain(t *testing.T) {
	r := lokitest.New(lokitest.Config{})
	r.Inject(3, lokitest.Fault{Status: 500, Body: strings.Repeat("x", 30_000)})
	var mu sync.Mutex
	conns := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		conns[req.RemoteAddr] = true
		mu.Unlock()
		r.ServeHTTP(w, req)
	}))
	defer server.Close()
	client := newTestClient(t, Config{URL: server.URL}, server.Client().Transport)
	for i := range 6 {
		if err := client.Push(t.Context(), batchOf(t, "line")); (err != nil) != (i < 3) {
			t.Fatal(err)
		}
	}
	if len(conns) != 1 {
		t.Errorf("%d connections", len(conns))
	}
}

// TestBuffersAreNotSharedWithLateReaders has a transport that still reads a body after it has
// returned, as http.RoundTripper may.
func TestBuffersAreNotSharedWithLateReaders(t *testing.T) {
	var late []io.ReadCloser
	client := newTestClient(t, Config{}, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		late = append(late, req.Body)
		return &http.Response{StatusCode: 503, Body: http.NoBody}, nil
	}))
	var want [][]byte
	for i := range 20 {
		b := batchOf(t, strings.Repeat(fmt.Sprint("line ", i), 1000))
		want = append(want, b.request())
		_ = client.Push(t.Context(), b)
	}
	for i, body := range late {
		compressed, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := snappy.DecodeStrict(nil, compressed); err != nil || !bytes.Equal(got, want[i]) {
			t.Errorf("push %d reads as something else: %v", i, err)
		}
		body.Close()
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add([]byte("a\nb \xff"))
	f.Add(bytes.Repeat([]byte("ü"), 600))
	f.Add([]byte("\x1b[2J\x1b]0;title\x07\u202eevil \x9b31m line\u0085\nOK")) // a terminal would obey
	f.Fuzz(func(t *testing.T, body []byte) {
		text := oneLine(body[:min(len(body), maxBodyShown+1)])
		if len(text) > maxBodyShown || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	})
}
