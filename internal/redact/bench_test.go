package redact

import (
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// BenchmarkLine measures the lines of real logs by their outcome: passed
// at first sight, looked at and left as they are, changed. CPU time counts:
// MB/s says little on a machine that is busy.
func BenchmarkLine(b *testing.B) {
	for _, name := range []string{"rotated.log", "diverse.log"} {
		r := newTest(b, Config{})
		kinds := map[string][][]byte{}
		for line := range audittest.Lines(audittest.Corpus(b, name)) {
			kind := "looked-at"
			if _, changed := r.Line(nil, line); changed {
				kind = "changed"
			} else if passes(r, line) {
				kind = "passed"
			}
			kinds[kind] = append(kinds[kind], line)
			kinds["all"] = append(kinds["all"], line)
		}
		for _, kind := range []string{"passed", "looked-at", "changed", "all"} {
			b.Run(name+"/"+kind, func(b *testing.B) { benchmarkLines(b, r, kinds[kind]) })
		}
	}
}

func benchmarkLines(b *testing.B, r *Redactor, lines [][]byte) {
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var dst []byte
	before := audittest.CPUTime(b)
	for b.Loop() {
		for _, line := range lines {
			if out, changed := r.Line(dst, line); changed {
				dst = out
			}
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/(audittest.CPUTime(b)-before).Seconds()/1e6, "MB/cpu-s")
}
