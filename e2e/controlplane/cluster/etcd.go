// Package cluster runs a control plane on the loopback interface: etcd and
// kube-apiserver, with the flags that they need and no more.
package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Etcd is a running etcd of one member.
type Etcd struct {
	URL     string
	process *process.Process
}

// StartEtcd starts etcd with its data in dir and waits until it answers. It
// does not fsync: the data need not outlive the test.
func StartEtcd(ctx context.Context, binary, dir string) (*Etcd, error) {
	client, err := freePort()
	if err != nil {
		return nil, err
	}
	peer, err := freePort()
	if err != nil {
		return nil, err
	}
	url, peerURL := "http://127.0.0.1:"+strconv.Itoa(client), "http://127.0.0.1:"+strconv.Itoa(peer)
	cmd := exec.Command(binary,
		"--data-dir="+filepath.Join(dir, "data"), "--unsafe-no-fsync=true", "--log-level=warn",
		"--listen-client-urls="+url, "--advertise-client-urls="+url,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL, "--initial-cluster=default="+peerURL)
	cmd.Env = environment()
	p, err := process.Start("etcd", cmd, filepath.Join(dir, "etcd.log"))
	if err != nil {
		return nil, err
	}
	if err := p.Wait(ctx, 5*time.Minute, func(ctx context.Context) error { return get(ctx, http.DefaultClient, url+"/health") }); err != nil {
		p.Kill()
		return nil, err
	}
	return &Etcd{URL: url, process: p}, nil
}

// Stop ends etcd.
func (e *Etcd) Stop() { e.process.Kill() }

// get is nil where the URL answers 200.
func get(ctx context.Context, client *http.Client, url string) error {
	status, _, err := process.Get(ctx, client, url)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, status)
	}
	return nil
}

// environment is the part of the test's environment that a server needs.
func environment() []string { return []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"} }

// freePort returns a loopback port without a listener.
func freePort() (int, error) {
	address, err := audittest.FreeAddress()
	if err != nil {
		return 0, err
	}
	_, port, _ := strings.Cut(address, ":")
	return strconv.Atoi(port)
}
