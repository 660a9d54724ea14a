// Command demo shows auditsidecar at work, on this machine alone: it replays a
// real audit log of kube-apiserver through a directory, with kube-apiserver's
// own rotation moves, while `auditsidecar run` archives the directory to local
// disk as Parquet and streams it to a receiver that speaks Loki's push API. At
// the end it restores the archive and compares every byte and every Loki entry
// with the written log. Run it with `make demo`; -keep leaves the files for a
// look at them.
//
// It exits 1 when anything differs.
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
)

func main() {
	binary := flag.String("binary", "bin/auditsidecar", "the auditsidecar `file` to run")
	keep := flag.Bool("keep", false, "keep the directory with the log, the archive and the restored files")
	rate := flag.Int("rate", 4000, "lines a second")
	rotate := flag.Duration("rotate", 600*time.Millisecond, "time between rotations")
	page := flag.String("page", "", "a `page` whose figures must agree with the measured ones")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, *binary, *page, *keep, *rate, *rotate); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// demo runs the whole demonstration in a temporary directory.
func demo(ctx context.Context, binary, page string, keep bool, rate int, rotate time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute) // only a hang takes so long
	defer cancel()
	binary, err := filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("find the binary: %w", err)
	}
	dir, err := os.MkdirTemp("", "auditsidecar-demo-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if keep {
		fmt.Printf("everything is kept in %s\n", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	s := stage{binary: binary, dir: dir, rate: rate, rotate: rotate}
	figures, err := s.play(ctx)
	if err != nil {
		return err
	}
	fmt.Print(figures)
	if page == "" {
		return figures.verdict()
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("read the page to compare with: %w", err)
	}
	if err := figures.agree(string(text)); err != nil {
		return errors.Join(figures.verdict(), fmt.Errorf("%s: write the figures above into it: %w", page, err))
	}
	return figures.verdict()
}
