package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	// Each round took twice the time of the one before: ratios are of a round's own runs.
	runs := func(cpu float64, bytes, archive int64) (s series) {
		for _, slow := range []float64{1, 2, 4} {
			s = append(s, figure{cpu: slow * cpu, bytes: bytes, lines: 800_000, peak: 40e6, elapsed: 30, archive: archive})
		}
		return s
	}
	s := &session{options: options{rate: 2000, rotate: 20}, sink: newCounter()}
	defer s.sink.close()
	collector := peer{name: "OpenTelemetry Collector", runs: runs(16, 1e9, 0)}
	for i := range collector.runs {
		collector.runs[i].lines = 999
	}
	s.trials = []*trial{{
		session: s, name: "built-in", lines: 1000, rounds: 3,
		streaming: runs(3.2, 1e9, 0), archive: runs(6, 1e9, 84e6), both: runs(8, 1e9, 84e6), zstd: runs(2, 1e9, 0),
		steadily: runs(0.9, 75e6, 6e6), peers: []*peer{&collector, {name: "Vector"}},
	}}
	s.trials[0].steadily[1].peak = 65e6
	for i := range s.trials[0].zstd {
		s.trials[0].zstd[i].peak = 0 // not measured
	}
	var b strings.Builder
	s.report(&b)
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		`Corpus "built-in": 1000 lines, 1000 MB, rotated every 20 MiB. Medians of 3 paired rounds`,
		"streaming to Loki alone 6.40 1.60 40 archive", "archive alone 12.00 3.00 40 84.0 both 16.00 4.00 40 84.0",
		"zstd -1 -T1 of the same bytes 4.00 1.00 -",
		"at 2000 lines (2.5 MB) a second for 30 s, until everything is archived: 6.0 % of one core, peak 65 MB",
		// 1.8 s of a steady run, of which 75 MB take 1.2 s at full speed: 0.6 s in 30 s.
		"plus 20.0 ms a second", "100 10.8 1901 2.20 2000 216.0 5184 6.00",
		"to a receiver on loopback that counts", "OpenTelemetry Collector 32.00 8.00 40 999 of 1000", "Vector not installed",
		"not of this run: Fluent Bit",
		"Loki + archive, built-in 4.00 x zstd -1 -T1 <= 5.5 <= 4.3 aim", "streaming, redacted, built-in 1.60 x zstd -1 -T1 <= 1.9 <= 1.7 aim",
		// 6.0 % where zstd takes 4 s.
		"steady, built-in 2.55 % a core with zstd at 1.7 s/GB <= 3.8 <= 3 aim", "peak memory, built-in 65.00 MB limit of run <= 64 <= 64 NO",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report has no %q:\n%s", want, b.String())
		}
	}
}

// TestReportAlone has no reference, no steady run and no other program.
func TestReportAlone(t *testing.T) {
	s := &session{options: options{rotate: 20}}
	run := series{{cpu: 3, bytes: 1e9, lines: 1000, peak: 40e6}}
	s.trials = []*trial{{session: s, name: "FILE", rounds: 1, streaming: run, archive: run, both: run}}
	var b strings.Builder
	s.report(&b)
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{"both 3.00 - 40", "zstd -1 -T1 of the same bytes not installed", "goal aim met peak memory, FILE 40.00 MB"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report has no %q:\n%s", want, b.String())
		}
	}
}
