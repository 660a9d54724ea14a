package main

import (
	"fmt"
	"io"
)

// The bounds.
const (
	goalStreaming = 3.5 // CPU seconds per GB
	goalBoth      = 7.0
	goalShare     = 3.0 // per cent of a core, steadily
	goalMemory    = 64  // MiB
)

// elsewhere is not measured by this program.
const elsewhere = `
Fluent Bit 5.1 on the same work (tail to Loki and S3), measured elsewhere:
28 to 30 CPU s per GB as usually configured, 69 tuned; 10 to 23 % of a core at
2,000 lines a second; 109 to 204 MB of resident memory.
`

// report prints the measurements.
func (s *session) report(w io.Writer) {
	fmt.Fprintf(w, "Input: %d lines, %.0f MB, rotated every %d MiB. Medians of %d runs; the start of the process does not count.\n\n",
		s.lines, float64(s.both[0].bytes)/1e6, rotateMB, s.rounds)
	fmt.Fprintf(w, "%-32s %12s %10s %9s   %s\n", "", "CPU s per GB", "/ zstd -1", "peak MiB", "goal")
	s.row(w, "streaming to Loki alone", s.streaming, goalStreaming)
	s.row(w, "archive alone", s.archive, 0)
	s.row(w, "both", s.both, goalBoth)
	s.row(w, "zstd -1 -T1 of the same bytes", s.zstd, 0)
	s.row(w, "Fluent Bit, streaming alone", s.fluentBit, 0)
	f := s.steadily
	fmt.Fprintf(w, "\nBoth, at %d lines (%.1f MB) a second for %.0f s with %d rotations, until everything is archived:\n",
		s.rate, float64(f.bytes)/1e6/f.elapsed, f.elapsed, steadyRotations)
	share, peak := 100*f.cpu/f.elapsed, mebibytes(f.peak)
	fmt.Fprintf(w, "%-32s %8.1f %%     <= %g %%: %s\n", "CPU, of one core", share, goalShare, met(share, goalShare))
	fmt.Fprintf(w, "%-32s %8.0f MiB   <= %d MiB: %s\n", "peak of resident memory", peak, goalMemory, met(peak, goalMemory))
	fmt.Fprint(w, elsewhere)
}

// row prints one kind; a goal of 0 is left out.
func (s *session) row(w io.Writer, name string, runs series, goal float64) {
	if len(runs) == 0 {
		fmt.Fprintf(w, "%-32s %12s\n", name, "not installed")
		return
	}
	perGB := runs.median(figure.perGB)
	beside, verdict := "", ""
	if len(s.zstd) > 0 {
		beside = fmt.Sprintf("%.2f", perGB/s.zstd.median(figure.perGB))
	}
	if goal > 0 {
		verdict = fmt.Sprintf("   <= %g: %s", goal, met(perGB, goal))
	}
	fmt.Fprintf(w, "%-32s %12.2f %10s %9.0f%s\n", name, perGB, beside, mebibytes(runs.peak()), verdict)
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// met says whether a figure is within its bound.
func met(got, bound float64) string {
	if got > bound {
		return "NO"
	}
	return "yes"
}
