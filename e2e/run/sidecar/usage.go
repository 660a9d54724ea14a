package sidecar

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

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
