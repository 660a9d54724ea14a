package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// references measures the others on the same lines, if they are installed.
func (t *trial) references(ctx context.Context, run int) (err error) {
	log := filepath.Join(t.dir, "reference", "audit.log")
	if err := t.write(ctx, log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Dir(log))) }()
	info, err := os.Stat(log)
	if err != nil {
		return fmt.Errorf("measure the log: %w", err)
	}
	if zstd, err := exec.LookPath("zstd"); err == nil {
		f, err := runZstd(ctx, zstd, log)
		if err != nil {
			return err
		}
		f.bytes = info.Size()
		t.zstd = append(t.zstd, f)
	}
	for _, p := range t.peers {
		if err := p.stream(ctx, t.sink, t.dir, log, t.lines, t.number*100+run); err != nil {
			return err
		}
		if n := len(p.runs); n > 0 {
			p.runs[n-1].bytes = info.Size()
		}
	}
	return nil
}

// write makes the log of the references: the same lines, in one file.
func (t *trial) write(ctx context.Context, path string) error {
	account := filepath.Join(t.dir, "account")
	w, err := audittest.NewWriter(audittest.Config{Path: path, Account: account, MaxSizeMB: 10_000})
	if err != nil {
		return err
	}
	err = w.Replay(ctx, t.source(t.lines), 0, 0)
	return errors.Join(err, w.Close(), os.RemoveAll(account))
}

func runZstd(ctx context.Context, program, log string) (f figure, err error) {
	cmd := exec.CommandContext(ctx, program, "-1", "-T1", "-q", "-f", log, "-o", log+".zst")
	if out, err := cmd.CombinedOutput(); err != nil {
		return f, fmt.Errorf("run zstd: %w: %s", err, out)
	}
	// Its peak of memory is not known: to the kernel it begins with that of this process.
	f.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return f, nil
}
