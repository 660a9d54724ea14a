package admin

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// listen starts a server on a free port; the test ends it.
func listen(t *testing.T, r *fixture) (s *Server, stop func() error) {
	t.Helper()
	return serve(t, r.config("127.0.0.1:0"))
}

// serve runs a server; the test ends it.
func serve(t *testing.T, cfg Config) (s *Server, stop func() error) {
	t.Helper()
	s, err := Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() error {
		cancel()
		return <-done
	}
}

// request makes one request over the network.
func request(t *testing.T, method, url string) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestServer(t *testing.T) {
	r := newFixture()
	r.Loop("hold")
	s, stop := listen(t, r)
	for _, test := range []struct {
		method, path string
		code         int
		want         string
	}{
		{"GET", "/metrics", 200, `auditsidecar_loop_failures_total{loop="hold"} 0`},
		{"GET", "/livez", 200, "ok"},
		{"HEAD", "/livez", 200, ""},
		{"GET", "/readyz", 503, "[-] hold: starting"},
		{"POST", "/livez", 405, ""},
		{"GET", "/", 200, "<h1>Starting</h1>"},
		{"GET", "/style.css", 200, "prefers-color-scheme"},
		{"GET", "/icon.svg", 200, "<svg"},
		{"GET", "/status.json", 200, `"headline": "Starting"`},
		{"POST", "/", 405, ""},
		{"GET", "/index.html", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
	} {
		code, body := request(t, test.method, "http://"+s.Address()+test.path)
		if code != test.code || !strings.Contains(body, test.want) {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.path, code, body, test.code, test.want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if conn, err := net.DialTimeout("tcp", s.Address(), time.Second); err == nil {
		conn.Close()
		t.Error("the address still answers after Run")
	}
}

// Neither a client that sends half a request nor an answer that hangs keeps the
// process from ending.
func TestRunEndsWithRequestsThatHang(t *testing.T) {
	sampled, asked, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	cfg := newFixture().config("127.0.0.1:0")
	var sample sync.Once
	cfg.Report = func() Report {
		hangs := true
		sample.Do(func() { close(sampled); hangs = false })
		if hangs {
			close(asked)
			<-release
		}
		return Report{}
	}
	s, stop := serve(t, cfg)
	<-sampled
	for _, text := range []string{"GET /livez HTTP/1.1\r\nHost:", "GET /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"} {
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	<-asked
	if err := stop(); err != nil {
		t.Error(err)
	}
	close(release)
}

// Run that is asked to stop before it began still gives the address back.
func TestRunAfterTheEnd(t *testing.T) {
	s, err := Listen(t.Context(), newFixture().config("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// A listener that breaks ends Run with an error that names the address.
func TestRunFails(t *testing.T) {
	s, err := Listen(t.Context(), newFixture().config("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	s.doors[0].listener.Close()
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), s.Address()) {
		t.Errorf("Run: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		address string
		want    []string
	}{
		{taken.Addr().String(), []string{"another process uses " + taken.Addr().String(), "--listen"}},
		{"127.0.0.1:70000", []string{"--listen", "70000"}},
		{"192.0.2.1:0", []string{"--listen", "192.0.2.1"}}, // not an address of this machine
	} {
		s, err := Listen(t.Context(), newFixture().config(test.address))
		if err == nil {
			s.doors[0].listener.Close()
			t.Errorf("listens on %s", test.address)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q: %v", test.address, want, err)
			}
		}
		if test.address != taken.Addr().String() && strings.Contains(err.Error(), "another process") {
			t.Errorf("%s: %v", test.address, err)
		}
	}
}
