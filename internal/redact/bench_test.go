package redact

import (
	"syscall"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// BenchmarkLine measures the lines that need nothing, and those that do. CPU
// time counts: MB/s tells little on a machine that is busy.
func BenchmarkLine(b *testing.B) {
	for _, name := range []string{"rotated.log", "diverse.log"} {
		for _, identity := range []bool{true, false} {
			b.Run(name+map[bool]string{true: "/identity", false: "/redacted"}[identity], func(b *testing.B) {
				var lines [][]byte
				r, size := newTest(b, Config{}), 0
				for line := range audittest.Lines(audittest.Corpus(b, name)) {
					if _, changed := r.Line(nil, line); changed != identity {
						lines = append(lines, line)
						size += len(line)
					}
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var dst []byte
				before := cpu(b)
				for b.Loop() {
					for _, line := range lines {
						if out, changed := r.Line(dst, line); changed {
							dst = out
						}
					}
				}
				b.ReportMetric(float64(size)*float64(b.N)/(cpu(b)-before)/1e6, "MB/cpu-s")
			})
		}
	}
}

// cpu is the CPU time of this process, in seconds.
func cpu(b *testing.B) float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
