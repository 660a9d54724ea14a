//go:build e2e

package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
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

func withServers(m *testing.M) (_ int, err error) {
	if binary, err = builds.Auditsidecar(); err != nil {
		return 0, err
	}
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
	return m.Run(), nil
}

// etcd returns the URL of the one etcd.
func etcd(t *testing.T) string {
	t.Helper()
	servers.once.Do(func() {
		servers.etcd, servers.err = cluster.StartEtcd(context.WithoutCancel(t.Context()), cluster.EtcdBinary(t), servers.dir)
	})
	if servers.err != nil {
		t.Fatal(servers.err)
	}
	return servers.etcd.URL
}
