package main

import (
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/hack/bench/goals"
)

const (
	maxPeak = 64 // MB
	// referenceZstd is the cost of a GB for zstd -1, in CPU seconds, on the machine that
	// the goal of the steady run is meant for.
	referenceZstd = 1.7
)

// elsewhere was not measured in this run.
const elsewhere = `
For reference, not of this run: Fluent Bit 5.1 took 28 to 30 CPU s per GB for tail to Loki and S3
as usually configured (November 2026, docs/comparison.md).
`

// report prints the tables of every corpus, and the goals.
func (s *session) report(w io.Writer) {
	var all []goals.Goal
	for _, t := range s.trials {
		t.report(w)
		all = append(all, t.goals()...)
	}
	fmt.Fprint(w, elsewhere)
	goals.Print(w, all)
}

// report prints the measurements over one corpus.
func (t *trial) report(w io.Writer) {
	fmt.Fprintf(w, "\nCorpus %q: %d lines, %.0f MB, rotated every %d MiB. Medians of %d paired rounds; the start of the process does not count.\n\n",
		t.name, t.lines, float64(t.both[0].bytes)/1e6, t.rotate, t.rounds)
	fmt.Fprintf(w, "%-36s %12s %10s %9s %19s\n", "", "CPU s per GB", "/ zstd -1", "peak MB", "MB of archive / GB")
	t.row(w, "streaming to Loki alone", t.streaming)
	t.row(w, "archive alone", t.archive)
	t.row(w, "both", t.both)
	t.row(w, "zstd -1 -T1 of the same bytes", t.zstd)
	t.reportDay(w)
	t.reportPeers(w)
}

// row prints one kind.
func (t *trial) row(w io.Writer, name string, runs series) {
	if len(runs) == 0 {
		fmt.Fprintf(w, "%-36s %12s\n", name, "not installed")
		return
	}
	size, peak := "", "-"
	if runs.peak() > 0 {
		peak = fmt.Sprintf("%.0f", megabytes(runs.peak()))
	}
	if runs[0].archive > 0 {
		size = fmt.Sprintf("%.1f", runs.median(figure.archivePerGB))
	}
	fmt.Fprintf(w, "%-36s %12.2f %10s %9s %19s\n", name, runs.median(figure.perGB), ratio(runs.beside(t.zstd)), peak, size)
}

// reportDay prints the steady run, and the cost of a day that follows from it.
func (t *trial) reportDay(w io.Writer) {
	if len(t.steadily) == 0 {
		return
	}
	f := t.steadily[0]
	fmt.Fprintf(w, "\nBoth, at %d lines (%.1f MB) a second for %.0f s, until everything is archived: %.1f %% of one core, peak %.0f MB\n",
		t.rate, float64(f.bytes)/1e6/f.elapsed, f.elapsed, t.steadily.median(figure.share), megabytes(t.steadily.peak()))
	fmt.Fprintf(w, "\nCost on a node, computed: both at full speed, plus %.1f ms a second that the steady run took beyond that.\n\n", 1000*t.wakeUps())
	fmt.Fprintf(w, "%-36s %12s %12s %18s\n", "lines a second", "GB a day", "CPU s a day", "share of a core, %")
	for _, rate := range []int{100, 2000} {
		gb, seconds := t.day(rate)
		fmt.Fprintf(w, "%-36d %12.1f %12.0f %18.2f\n", rate, gb, seconds, 100*seconds/secondsOfADay)
	}
}

const secondsOfADay = 86_400

// wakeUps is the cost of a second of the steady run beyond that of its bytes at full speed,
// in CPU seconds: the median over the rounds, or none if it is less than nothing.
func (t *trial) wakeUps() float64 {
	var all []float64
	for i := range min(len(t.steadily), len(t.both)) {
		f := t.steadily[i]
		all = append(all, (f.cpu-t.both[i].perGB()*float64(f.bytes)/1e9)/f.elapsed)
	}
	return max(0, median(all))
}

// day is the log of a day, in GB, and its cost at a rate, in CPU seconds.
func (t *trial) day(rate int) (gb, seconds float64) {
	f := t.both[0]
	gb = float64(rate) * secondsOfADay * float64(f.bytes) / float64(f.lines) / 1e9
	return gb, gb*t.both.median(figure.perGB) + secondsOfADay*t.wakeUps()
}

// reportPeers prints the comparison with other programs.
func (t *trial) reportPeers(w io.Writer) {
	if len(t.peers) == 0 {
		return
	}
	fmt.Fprintf(w, "\nStreaming of one file that is there at the start, to %s; the start of the process counts.\n\n", t.sink.name())
	fmt.Fprintf(w, "%-36s %12s %10s %9s %22s\n", "", "CPU s per GB", "/ zstd -1", "peak MB", "delivered of written")
	for _, p := range t.peers {
		if len(p.runs) == 0 {
			fmt.Fprintf(w, "%-36s %12s\n", p.name, "not installed")
			continue
		}
		fmt.Fprintf(w, "%-36s %12.2f %10s %9.0f %22s\n", p.name, p.runs.median(figure.perGB), ratio(p.runs.beside(t.zstd)), megabytes(p.runs.peak()),
			fmt.Sprintf("%.0f of %d", p.runs.median(func(f figure) float64 { return float64(f.lines) }), t.lines))
	}
}

// ratio prints a ratio, if there is one.
func ratio(of float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", of)
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// goals are the figures with goals: those whose reference was measured.
func (t *trial) goals() (all []goals.Goal) {
	at := func(name string) string { return name + ", " + t.name }
	if len(t.zstd) > 0 {
		const zstd = "zstd -1 -T1"
		all = append(all,
			goals.Goal{Name: at("Loki + archive"), Figure: t.both.beside(t.zstd), Unit: "x", Reference: zstd, Goal: 5.5, Aim: 4.3},
			goals.Goal{Name: at("streaming, redacted"), Figure: t.streaming.beside(t.zstd), Unit: "x", Reference: zstd, Goal: 1.9, Aim: 1.7})
		if len(t.steadily) > 0 {
			all = append(all, goals.Goal{Name: at("steady"), Figure: t.scaledShare(), Unit: "%",
				Reference: fmt.Sprintf("a core with zstd at %g s/GB", referenceZstd), Goal: 3.8, Aim: 3})
		}
	}
	peak := max(t.streaming.peak(), t.archive.peak(), t.both.peak(), t.steadily.peak())
	return append(all, goals.Goal{Name: at("peak memory"), Figure: megabytes(peak), Unit: "MB", Reference: "limit of run", Goal: maxPeak, Aim: maxPeak})
}

// scaledShare is the share of a core in the steady run, in per cent, on a machine with the
// reference's zstd: the median over the rounds.
func (t *trial) scaledShare() float64 {
	var all []float64
	for i := range min(len(t.steadily), len(t.zstd)) {
		all = append(all, t.steadily[i].share()*referenceZstd/t.zstd[i].perGB())
	}
	return median(all)
}
