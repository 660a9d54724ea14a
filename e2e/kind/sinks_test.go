//go:build e2e

package kind

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// gateway is the address of the host on Docker's network for kind.
func gateway(t *testing.T) string {
	t.Helper()
	out := must(t, "docker", "network", "inspect", "kind", "-f", "{{range .IPAM.Config}}{{.Gateway}} {{end}}")
	for address := range strings.FieldsSeq(out) {
		if ip := net.ParseIP(address); ip != nil && ip.To4() != nil {
			return address
		}
	}
	t.Fatalf("Docker's network kind has no IPv4 gateway: %q", out)
	return ""
}

// forward passes connections to host on to a loopback address, and returns the
// address that it listens on.
func forward(t *testing.T, host, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("listen where the node can reach it: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go pipe(in, to)
			}
		}
	}()
	return l.Addr().String()
}

func pipe(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1]) // ends with either connection
			done <- struct{}{}
		}()
	}
	<-done
}

// loki is a receiver that speaks Loki's push API, and its loopback address.
func loki(t *testing.T) (*lokitest.Receiver, string) {
	t.Helper()
	r := lokitest.New(lokitest.Config{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute})
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, strings.TrimPrefix(server.URL, "http://")
}

// deleteCluster deletes the cluster, whatever the state of the test.
func deleteCluster(kind string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, kind, "delete", "cluster", "--name", clusterName).Run()
}
