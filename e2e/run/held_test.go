//go:build e2e

package run

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Far more connections than there is room for, silent ones and ones that send a header byte by
// byte and come again when they are closed, do not keep kubelet's probe from being answered.
func TestHeldConnections(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	r.args = []string{"--loki-url", ""}
	p := r.start()
	r.waitReady(p, true)
	address := strings.TrimPrefix(p.URL(), "http://")
	for range 150 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	for range 50 {
		go slowHeaders(t, address)
	}
	failed := 0
	for range 30 {
		code, body, err := p.Get(t.Context(), "/livez")
		if err == nil && code == http.StatusOK {
			failed = 0
			continue
		}
		t.Logf("/livez: %d %s (%v)", code, body, err)
		if failed++; failed == 3 { // kubelet's failureThreshold
			t.Fatal("three probes in a row failed: kubelet would restart the container")
		}
	}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if len(fds) > 64+50 {
		t.Errorf("%d descriptors are open", len(fds))
	}
	r.stop(p)
}

// slowHeaders sends the header of a request byte by byte, on one connection after another.
func slowHeaders(t *testing.T, address string) {
	for t.Context().Err() == nil {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_, err = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
		for err == nil && t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond) // the pace of the attack, not a wait for anything
			_, err = io.WriteString(conn, "a")
		}
		conn.Close()
	}
}
