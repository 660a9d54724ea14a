// Command lab runs a control plane on loopback with everything around its audit log, to try
// things on: etcd, kube-apiserver, Loki, an S3 server (the programs of the end-to-end suites)
// and auditsidecar, with a little traffic. It runs until Ctrl-C. `make lab` calls it.
//
//   - main.go: flags, order of start and end
//   - parts.go: each server
//   - print.go: the addresses, and the files env and kubeconfig
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	binary := flag.String("binary", "bin/auditsidecar", "the `program` that is tried")
	dir := flag.String("dir", "try/lab", "`directory` for all data; that of an earlier lab is continued")
	keep := flag.Bool("keep", false, "keep the directory at the end")
	grafana := flag.String("grafana", "", "`home` directory of a Grafana to start as well")
	flag.Parse()
	root, err := builds.Root()
	if err != nil {
		return err
	}
	l := &lab{root: root, began: time.Now(), grafanaHome: *grafana, kept: *keep}
	for _, path := range []struct{ from, to *string }{{dir, &l.dir}, {binary, &l.binary}} {
		absolute, err := filepath.Abs(*path.from)
		if err != nil {
			return err
		}
		*path.to = absolute
	}
	if !*keep {
		if _, err := os.Stat(l.dir); err == nil {
			return fmt.Errorf("%s exists: continue it with KEEP=%[1]s, or remove it", l.dir)
		}
		defer os.RemoveAll(l.dir)
	}
	defer l.stop()
	if err := l.start(ctx); err != nil {
		return err
	}
	l.print(os.Stdout)
	return l.work(ctx)
}
