//go:build e2e

package controlplane

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/builds"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
)

// binary is the auditsidecar that is tested, set once by TestMain.
var binary string

// servers are shared by all tests, and started when the first one asks.
var servers struct {
	once sync.Once
	dir  string // set by TestMain
	etcd *cluster.Etcd
	err  error
}

func TestMain(m *testing.M) {
	code, err := withServers(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServers(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "auditsidecar-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	servers.dir = filepath.Join(dir, "etcd")
	if err := os.Mkdir(servers.dir, 0o700); err != nil {
		return 0, err
	}
	defer func() {
		if servers.etcd != nil {
			servers.etcd.Stop()
		}
	}()
	if binary = os.Getenv("E2E_BINARY"); binary != "" {
		return m.Run(), nil
	}
	binary = filepath.Join(dir, "auditsidecar")
	build := exec.Command("go", "build", "-o", binary, "./cmd/auditsidecar")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// etcd returns the URL of the one etcd.
func etcd(t *testing.T) string {
	t.Helper()
	servers.once.Do(func() {
		servers.etcd, servers.err = cluster.StartEtcd(context.WithoutCancel(t.Context()), builds.Etcd(t), servers.dir)
	})
	if servers.err != nil {
		t.Fatal(servers.err)
	}
	return servers.etcd.URL
}
