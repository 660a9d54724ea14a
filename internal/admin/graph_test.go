package admin

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestDraw(t *testing.T) {
	plain := func(v float64) string { return number(v) }
	same := func(v float64) float64 { return v }
	at := func(minutes int, value float64) point { return point{time.Duration(minutes) * time.Minute, value} }
	for _, test := range []struct {
		name       string
		points     []point
		line, area string
		top, peak  string
	}{
		{"nothing", nil, "", "", "10", "0"},
		{"not known", []point{at(3, math.NaN())}, "", "", "10", "0"},
		{"one", []point{at(0, 5)}, "M600 50h0", "M600 100L600 50L600 100Z", "10", "5"},
		{"a line", []point{at(1, 0), at(0, 20)}, "M590 100L600 0h0", "M590 100L590 100L600 0L600 100Z", "20", "20"},
		{"a break", []point{at(60, 10), at(59, 10), at(1, 0), at(0, 10)}, "M0 0L10 0h0M590 100L600 0h0",
			"M0 100L0 0L10 0L10 100ZM590 100L590 100L600 0L600 100Z", "10", "10"},
	} {
		g := draw("x", test.points, 10, same, plain)
		if g.Line != test.line || g.Area != test.area || g.Top != test.top || g.Peak != test.peak || g.None != (test.line == "") {
			t.Errorf("%s: %+v", test.name, g)
		}
	}
}

// A peak of one sample among many is still there, and a graph stays small
// whatever it shows.
func TestPeak(t *testing.T) {
	var points []point
	for i := range samples {
		value := float64(i % 7)
		if i == 200 {
			value = 1e6
		}
		points = append(points, point{window - time.Duration(i)*sampleEvery, value})
	}
	g := draw("x", points, 1, niceBytes, size)
	if g.Peak != "1.0 MB" || strings.Count(g.Line, " 0") == 0 || strings.Count(g.Line, "M") != 1 {
		t.Errorf("%+v", g)
	}
	if n := len(g.Line) + len(g.Area); n > 6<<10 {
		t.Errorf("%d bytes", n)
	}
}

func TestNice(t *testing.T) {
	for value, want := range map[float64]float64{0: 1, 1: 1, 1.5: 2, 61: 120, 3601: 7200, 86400: 86400, 172801: 259200} {
		if got := niceSeconds(value); got != want {
			t.Errorf("niceSeconds(%v) = %v, want %v", value, got, want)
		}
	}
	for value, want := range map[float64]float64{0: 1, 3: 5, 10: 10, 11: 20, 999: 1000, 1e6: 1e6, 5.1e9: 1e10} {
		if got := niceBytes(value); got != want {
			t.Errorf("niceBytes(%v) = %v, want %v", value, got, want)
		}
	}
}

// The history has a fixed size; what is older than the window is not shown.
func TestHistory(t *testing.T) {
	var h history
	begin := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	now := begin
	for i := range 2 * samples {
		now = begin.Add(time.Duration(i) * sampleEvery)
		h.add(now, figures{"loki_lag_seconds": float64(i)})
	}
	line := h.line("loki_lag_seconds", now, figures{"loki_lag_seconds": 7})
	if len(line) != samples+1 || line[0].ago != window || line[0].value != float64(samples) || line[samples] != (point{0, 7}) {
		t.Errorf("%d points, from %v to %v", len(line), line[0], line[len(line)-1])
	}
	if unknown := known(h.line("archive_lag_bytes", now, figures{})); len(unknown) != 0 {
		t.Errorf("never measured: %v", unknown)
	}
	if later := h.line("loki_lag_seconds", now.Add(window/2), nil); len(later) != samples/2+1 || later[0].ago != window {
		t.Errorf("half an hour later: %d points from %v", len(later), later[0])
	}
}
