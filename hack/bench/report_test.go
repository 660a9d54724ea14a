package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/hack/bench/goals"
)

func TestReportCosts(t *testing.T) {
	c := &contest{
		session: &session{zstd: "zstd"}, name: builtIn, size: 1e9, rounds: 3,
		// Each round was twice as slow as the one before: ratios are of a round's own runs.
		plain:     series{cpu: []float64{4, 8, 16}, rss: 60e6, size: 50e6},
		checked:   series{cpu: []float64{7, 14, 28}, rss: 257e6, size: 50e6},
		reference: series{cpu: []float64{2, 4, 8}, rss: 10e6, size: 140e6},
		duck:      series{cpu: []float64{5, 10, 20}, rss: 400e6, size: 90e6},
	}
	var b strings.Builder
	c.reportCosts(&b)
	goals.Print(&b, c.goals())
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"auditsidecar convert --no-check 8.00 2.00 1.25 60 50.0", "zstd -1 -T1 4.00 1.00 2.50 10 140.0",
		"auditsidecar convert 14.00 3.50 0.71 257 50.0", "DuckDB, COPY alone 10.00 2.50 1.00 400 90.0",
		"DuckDB sorted, COPY alone not installed",
		"convert, built-in 3.50 x zstd -1 -T1 <= 3.6 <= 2.8 goal", "--no-check, built-in 2.00 x zstd -1 -T1 <= 2.4 <= 2 aim",
		"DuckDB, built-in 1.25 x convert --no-check >= 1.25 >= 1.3 goal", "peak memory, built-in 257.00 MB limit of a verb <= 256 <= 256 NO",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report has no %q:\n%s", want, b.String())
		}
	}
}

// TestReportWithoutReferences prints no goal whose reference was not measured.
func TestReportWithoutReferences(t *testing.T) {
	c := &contest{session: &session{}, name: "real logs once", size: 1e9, plain: series{cpu: []float64{4}}}
	var b strings.Builder
	c.reportCosts(&b)
	if got := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(got, "--no-check 4.00 - - 0 0.0") {
		t.Error(b.String())
	}
	if got := c.goals(); len(got) != 1 {
		t.Errorf("goals %s, want that of the memory alone", fmt.Sprint(got))
	}
}
