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

func TestPeakMemory(t *testing.T) {
	p, err := Start(Config{Binary: script(t, "exec sleep 60")})
	if err != nil {
		t.Fatal(err)
	}
	var got int64
	for range 500 { // it has next to no memory until it has executed its program
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
