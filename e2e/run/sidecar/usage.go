package sidecar

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// CPU returns the time that the process has had so far, user and system, to the
// hundredth of a second. It is an error once the process has ended.
func (p *Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the CPU time: %w", err)
	}
	return parseCPU(stat)
}

// clockTick is USER_HZ, in which the kernel counts for programs.
const clockTick = time.Second / 100

// parseCPU finds the fields utime and stime, the 14th and the 15th (proc(5)).
// The second one, the program's name, may have spaces and parentheses in it.
func parseCPU(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // from the third on
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the CPU time: %d fields in %q", len(fields), stat)
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the CPU time: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the CPU time: %w", err)
	}
	return time.Duration(user+system) * clockTick, nil
}

// PeakMemory returns the most resident memory, in bytes, that the process has
// had so far (VmHWM). It is an error once the process has ended.
func (p *Process) PeakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the peak of memory: %w", err)
	}
	return parsePeak(status)
}

// parsePeak finds "VmHWM:     52180 kB".
func parsePeak(status []byte) (int64, error) {
	_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if !found || len(fields) < 2 || string(fields[1]) != "kB" {
		return 0, fmt.Errorf("read the peak of memory: no VmHWM in %q; has the process ended?", status[:min(len(status), 80)])
	}
	kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the peak of memory: %w", err)
	}
	return kb << 10, nil
}
