package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// cpuOf returns the CPU seconds of a running process so far, user and system, to the
// nanosecond: those of /proc/PID/stat are too coarse for short runs. Threads that have
// ended do not count, of which the measured programs have none worth it.
func cpuOf(pid int) (seconds float64, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, fmt.Errorf("list threads: %w", err)
	}
	found := false
	for _, path := range threads {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		fields := bytes.Fields(content)
		if len(fields) == 0 {
			continue
		}
		nanos, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		seconds, found = seconds+float64(nanos)/1e9, true
	}
	if !found {
		return 0, fmt.Errorf("read the CPU time of process %d: no /proc/PID/task/TID/schedstat", pid)
	}
	return seconds, nil
}

// peakOf returns the most resident memory that a running process has had, in bytes.
func peakOf(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the peak of memory: %w", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if len(fields) < 2 || string(fields[1]) != "kB" {
		return 0, fmt.Errorf("read the peak of memory: no VmHWM of process %d", pid)
	}
	kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return kb << 10, err
}
