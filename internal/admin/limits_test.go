package admin

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Clients that send their header byte by byte take every place there is, and
// lose it again: whoever asks properly is answered.
func TestSlowLoris(t *testing.T) {
	r := newFixture()
	cfg := r.config("127.0.0.1:0")
	cfg.limits = limits{conns: 4, header: 300 * time.Millisecond, idle: 300 * time.Millisecond}
	s, stop := serve(t, cfg)
	stopped := make(chan struct{})
	for range 3 * cfg.limits.conns {
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() { // it ends when its connection is closed
			_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
			for {
				select {
				case <-stopped:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if _, err := io.WriteString(conn, "a"); err != nil {
					return
				}
			}
		}()
	}
	defer close(stopped)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get("http://" + s.Address() + "/livez")
		if err != nil {
			continue // this client was too slow, too
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("status %d", resp.StatusCode)
		}
		break
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A connection that is kept open without a request is closed.
func TestIdle(t *testing.T) {
	r := newFixture()
	cfg := r.config("127.0.0.1:0")
	cfg.limits = limits{conns: 1, header: time.Minute, idle: 100 * time.Millisecond}
	s, stop := serve(t, cfg)
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("the connection is still open: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A header that is too long is refused, and not read to its end.
func TestLongHeader(t *testing.T) {
	s, stop := listen(t, newFixture())
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Address()+"/livez", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("a", 64<<10))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestUsualLimits(t *testing.T) {
	s, err := Listen(t.Context(), newFixture().config("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.doors[0].listener.Close()
	h := s.doors[0].server
	if h.ReadHeaderTimeout != 5*time.Second || h.ReadTimeout == 0 || h.WriteTimeout == 0 || h.IdleTimeout == 0 || h.MaxHeaderBytes != 16<<10 {
		t.Errorf("%+v", h)
	}
}

// The same with TLS, while the handshake lasts and after it: the bytes come for as long as the
// connection is open.
func TestSlowLorisTLS(t *testing.T) {
	dir := t.TempDir()
	trust, _ := identity(t, dir)
	cfg := newFixture().config("127.0.0.1:0")
	cfg.TLSAddress, cfg.WebConfig = "127.0.0.1:0", write(t, filepath.Join(dir, "web.yaml"), withTLS+account(t, "secret"))
	cfg.limits = limits{conns: 4, header: 300 * time.Millisecond, idle: 300 * time.Millisecond}
	s, stop := serve(t, cfg)
	slow := func(conn net.Conn, begin string) {
		_, _ = io.WriteString(conn, begin)
		for { // it ends when its connection is closed
			time.Sleep(20 * time.Millisecond)
			if _, err := io.WriteString(conn, "a"); err != nil {
				return
			}
		}
	}
	closed := make(chan struct{}, 2)
	for range 3 * cfg.limits.conns {
		greeting, header := dial(t, s.TLSAddress(), ""), dial(t, s.TLSAddress(), "")
		go func() {
			slow(greeting, "\x16\x03\x01\x02\x00")
			closed <- struct{}{}
		}()
		go func() {
			conn := tls.Client(header, &tls.Config{RootCAs: trust, ServerName: "127.0.0.1"})
			slow(conn, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
			closed <- struct{}{}
		}()
	}
	for range 6 * cfg.limits.conns {
		<-closed // each, in the end
	}
	if code := askTLS("https://"+s.TLSAddress()+"/livez", trust, "secret"); code != http.StatusOK {
		t.Errorf("/livez: %d", code)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
