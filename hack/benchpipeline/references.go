package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// references measures the others on the same lines, where they are installed.
func (s *session) references(ctx context.Context) (err error) {
	log := filepath.Join(s.dir, "reference", "audit.log")
	if err := s.write(ctx, log); err != nil {
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
		s.zstd = append(s.zstd, f)
	}
	if fluentBit, err := exec.LookPath("fluent-bit"); err == nil {
		f, err := runFluentBit(ctx, fluentBit, log, s.lines)
		if err != nil {
			return err
		}
		f.bytes = info.Size()
		s.fluentBit = append(s.fluentBit, f)
	}
	return nil
}

func runZstd(ctx context.Context, program, log string) (f figure, err error) {
	cmd := exec.CommandContext(ctx, program, "-1", "-T1", "-q", "-f", log, "-o", log+".zst")
	if out, err := cmd.CombinedOutput(); err != nil {
		return f, fmt.Errorf("run zstd: %w: %s", err, out)
	}
	f.cpu, f.peak, err = usage(cmd)
	return f, err
}

// usage is the cost of a process that has ended.
func usage(cmd *exec.Cmd) (cpu float64, peak int64, err error) {
	ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, fmt.Errorf("run %s: no resource usage on this system", cmd.Path)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), ru.Maxrss << 10, nil
}
