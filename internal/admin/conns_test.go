package admin

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// never is a limit that ends nothing in a test.
const never = time.Hour

// dial opens a connection that says something, and closes it at the end of the test.
func dial(t *testing.T, address, say string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, say); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Connections that are held open in any way do not keep /livez from being answered, on either
// address: no timeout helps here.
func TestHeldConnectionsYield(t *testing.T) {
	const styles = "GET /style.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	dir := t.TempDir()
	trust, _ := identity(t, dir)
	web := write(t, filepath.Join(dir, "web.yaml"), withTLS+account(t, "secret"))
	for name, say := range map[string]string{
		"silent":               "",
		"half a header":        "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
		"idle after a request": styles,
		"does not read":        strings.Repeat(styles, 5000),
		"does not read /livez": strings.Repeat("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 5000),
		"half a TLS handshake": "\x16\x03\x01\x02\x00",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := newFixture().config("127.0.0.1:0")
			cfg.TLSAddress, cfg.WebConfig = "127.0.0.1:0", web
			cfg.limits = limits{conns: 4, header: never, idle: never}
			s, stop := serve(t, cfg)
			for _, address := range []string{s.Address(), s.TLSAddress()} {
				for range 3 * cfg.limits.conns {
					conn := dial(t, address, "")
					go func() { _, _ = io.WriteString(conn, say) }() // it ends with its connection
				}
			}
			for range 10 {
				if code, body := request(t, "GET", "http://"+s.Address()+"/livez"); code != http.StatusOK {
					t.Fatalf("/livez: %d %s", code, body)
				}
				if code := askTLS("https://"+s.TLSAddress()+"/livez", trust, "secret"); code != http.StatusOK {
					t.Fatalf("/livez with TLS: %d", code)
				}
			}
			for _, d := range s.doors {
				p := d.listener.(*connPool)
				p.mu.Lock()
				if len(p.conns) > p.limit {
					t.Errorf("%d connections are open, at most %d wanted", len(p.conns), p.limit)
				}
				p.mu.Unlock()
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Requests being answered keep their connections, and leave room for /livez.
func TestBusyConnectionsStay(t *testing.T) {
	cfg := newFixture().config("127.0.0.1:0")
	cfg.limits = limits{conns: 4, header: never, idle: never}
	begun, release := make(chan struct{}), make(chan struct{})
	cfg.Report = func() Report {
		begun <- struct{}{}
		<-release
		return Report{}
	}
	s, stop := serve(t, cfg)
	const ask = "GET /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
	busy := []net.Conn{dial(t, s.Address(), ask), dial(t, s.Address(), ask)}
	for range len(busy) + 1 { // and the sample
		<-begun
	}
	for range 3 * cfg.limits.conns {
		dial(t, s.Address(), "")
	}
	if code, body := request(t, "GET", "http://"+s.Address()+"/status.json"); code != http.StatusServiceUnavailable {
		t.Errorf("a third request: %d %s", code, body)
	}
	if code, body := request(t, "GET", "http://"+s.Address()+"/livez"); code != http.StatusOK {
		t.Errorf("/livez: %d %s", code, body)
	}
	close(release)
	for _, conn := range busy {
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("a request under way got %.40q, %v", answer, err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
