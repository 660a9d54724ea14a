package sidecar

import (
	"testing"
	"time"
)

func TestParsePeak(t *testing.T) {
	got, err := parsePeak([]byte("Name:\tx\nVmPeak:\t  90000 kB\nVmHWM:\t   52180 kB\nVmRSS:\t 1 kB\n"))
	if err != nil || got != 52180<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, bad := range []string{"", "Name:\tx\nState:\tZ (zombie)\n", "VmHWM:\t12", "VmHWM:\tx kB\n"} {
		if got, err := parsePeak([]byte(bad)); err == nil {
			t.Errorf("%q gave %d and no error", bad, got)
		}
	}
}

func TestParseCPU(t *testing.T) {
	got, err := parseCPU([]byte("7899 (a) b) R 7890 7890 9268 0 -1 4194304 99 0 0 0 120 34 5 6 20 0 1 0 290003 3133440\n"))
	if err != nil || got != 1540*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "1 (x) R 1 2 3", "1 (x) R 1 2 3 4 5 6 7 8 9 10 x 34 5", "1 (x) R 1 2 3 4 5 6 7 8 9 10 120 x 5"} {
		if got, err := parseCPU([]byte(bad)); err == nil {
			t.Errorf("%q gave %v and no error", bad, got)
		}
	}
}

func TestCPU(t *testing.T) {
	p, err := Start(Config{Binary: script(t, "while :; do :; done")})
	if err != nil {
		t.Fatal(err)
	}
	var got time.Duration
	for range 30_000 {
		if got, err = p.CPU(); err != nil || got > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || got <= 0 {
		t.Errorf("a busy process: %v, %v", got, err)
	}
	p.Kill()
	if got, err := p.CPU(); err == nil {
		t.Errorf("an ended process: %v and no error", got)
	}
}

func TestPeakMemory(t *testing.T) {
	p, err := Start(Config{Binary: script(t, "exec sleep 3600")})
	if err != nil {
		t.Fatal(err)
	}
	var got int64
	for range 30_000 { // it has next to no memory until it has executed its program
		if got, err = p.PeakMemory(); err != nil || got >= 64<<10 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || got < 64<<10 {
		t.Errorf("a running process: %d bytes, %v", got, err)
	}
	p.Kill()
	if got, err := p.PeakMemory(); err == nil {
		t.Errorf("an ended process: %d bytes and no error", got)
	}
}
