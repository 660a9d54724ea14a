// Command pictures makes the pictures of docs/pictures: the status page of the lab's sidecar
// in Chromium, in light, dark and on a phone, while all is well and while the S3 server is
// stopped, and terminal recordings of `make demo` and of `auditsidecar search`. It leaves the
// hashes of their inputs in docs/pictures/inputs.txt, which `make verify` compares. `make
// pictures` calls it.
//
// # Files
//
//   - main.go: flags, order
//   - lab.go: the lab as a process
//   - page.go, png.go: the status page
//   - record.go, svg.go: the terminal
//
// The package inputs has the hashes.
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

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/hack/pictures/inputs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lab := flag.String("lab", "bin/lab", "the lab's `file`")
	only := flag.String("only", "", "make this `kind` alone: demo or lab")
	flag.Parse()
	if err := run(ctx, *lab, *only); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, program, only string) error {
	dir, err := os.MkdirTemp("", "auditsidecar-pictures-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "auditsidecar")
	if err := builds.AuditsidecarVersion(binary, "dev"); err != nil { // the page shows the version
		return err
	}
	if only != "lab" {
		if err := recordDemo(ctx, binary); err != nil {
			return fmt.Errorf("record the demo: %w", err)
		}
	}
	if only != "demo" {
		if err := withLab(ctx, binary, program); err != nil {
			return err
		}
	}
	now, err := inputs.Now(os.DirFS("."))
	if err != nil {
		return err
	}
	return keep(inputs.File, []byte(now))
}

// withLab makes the pictures that need a running lab.
func withLab(ctx context.Context, binary, program string) (err error) {
	l, err := startLab(ctx, binary, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	if err := l.wait(ctx, "good", 3); err != nil {
		return err
	}
	if err := recordSearch(ctx, l); err != nil {
		return fmt.Errorf("record a search: %w", err)
	}
	if err := shoot(l.page, "status", ".paths > .card"); err != nil {
		return err
	}
	if err := l.stopStore(); err != nil {
		return err
	}
	if err := l.wait(ctx, "warn", 5); err != nil {
		return err
	}
	return shoot(l.page, "s3-down", "main > .card")
}

// keep writes a file of the documentation.
func keep(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes\n", path, len(content))
	return nil
}
