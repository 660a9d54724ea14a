// Command demo shows auditsidecar at work, on this machine alone: it replays a
// real audit log of kube-apiserver through a directory, with kube-apiserver's
// own rotation moves, while `auditsidecar run` archives the directory to local
// disk as Parquet and streams it to a receiver that speaks Loki's push API. At
// the end it restores the archive and compares every byte and every Loki entry
// with the written log. Run it with `make demo`; -keep leaves log, archive and key in a
// directory and prints commands to try on them.
//
// It exits 1 when anything differs, the figures of -page included; -update writes these
// into the page.
//
// # Files
//
//	main.go      flags and the order
//	stage.go     the writer and the sidecar
//	compare.go   the archive against the written files
//	prove.go     verify, and a changed byte
//	figures.go   the figures and README's copy of them
//	page.go      the figures in a page
//	next.go      the commands that are printed at the end
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
	keep := flag.String("keep", "", "new `directory` to keep the log, the archive and the key in")
	rate := flag.Int("rate", 4000, "lines a second")
	rotate := flag.Duration("rotate", 600*time.Millisecond, "time between rotations")
	page := flag.String("page", "", "a `page` whose figures must agree with the measured ones")
	update := flag.Bool("update", false, "write the measured figures into the page where they differ")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, stage{binary: *binary, rate: *rate, rotate: *rotate}, *keep, pageFile{*page, *update}); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// demo runs the whole demonstration in a directory of its own.
func demo(ctx context.Context, s stage, keep string, page pageFile) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute) // only a hang takes so long
	defer cancel()
	if s.binary, err = filepath.Abs(s.binary); err != nil {
		return fmt.Errorf("find the binary: %w", err)
	}
	if s.dir, err = directory(keep); err != nil {
		return err
	}
	if keep == "" {
		defer os.RemoveAll(s.dir)
	}
	figures, err := s.play(ctx)
	if err != nil {
		return err
	}
	fmt.Print(figures)
	if keep != "" {
		fmt.Print(next(keep))
	}
	return errors.Join(figures.verdict(), page.compare(figures))
}

// directory makes the directory of the demonstration: keep, which must not exist, or a
// temporary one.
func directory(keep string) (string, error) {
	if keep == "" {
		dir, err := os.MkdirTemp("", "auditsidecar-demo-")
		if err != nil {
			return "", fmt.Errorf("make a directory: %w", err)
		}
		return dir, nil
	}
	if _, err := os.Stat(keep); err == nil {
		return "", fmt.Errorf("%s exists: remove it, or keep the files in another directory", keep)
	}
	if err := os.MkdirAll(keep, 0o700); err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	return filepath.Abs(keep)
}
