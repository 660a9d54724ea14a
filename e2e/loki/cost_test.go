package loki

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const (
	costLines = 320_000 // some 400 MB: the start of the process is less than 3 % of their time
	memoryMax = 64 << 20
	// Streaming alone was seen to take 2.5 to 2.7 times the CPU time of zstd -1 on the same
	// bytes, and with redaction 2.8 to 3.2, the larger figures beside other work. A half more
	// than that is a defect.
	costLimit = 4.8
)

// TestCost streams a file that is not rotated, so that nothing is converted,
// as fast as Loki takes it: with the redaction that is on by default, and
// without.
func TestCost(t *testing.T) {
	server := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	for _, mode := range []string{"loki", "off"} {
		t.Run("redact="+mode, func(t *testing.T) { streamingAlone(t, server, mode) })
	}
}

func streamingAlone(t *testing.T, server *lokiserver.Server, mode string) {
	r := newFixture(t, server, "cost-"+mode, server.URL, audittest.Config{MaxSizeMB: 2000})
	r.args = append(r.args, "--redact="+mode)
	if err := r.writer.Replay(t.Context(), audittest.Fresh(audittest.Corpus(t, "rotated.log"), costLines), 0, 0); err != nil {
		t.Fatal(err)
	}
	reference := audittest.ZstdTime(t, r.writer.Files()[0].Path).Seconds()
	begin := time.Now()
	p := r.launch()
	cpu := r.waitQuietly(p)
	took := time.Since(begin)
	peak, err := p.PeakMemory()
	if err != nil {
		t.Fatal(err)
	}
	r.stop(p)
	gigabytes := float64(r.writer.Bytes()) / 1e9
	if cpu > costLimit*reference {
		t.Errorf("%.1f CPU seconds, more than %.1f times the %.1f of zstd -1", cpu, costLimit, reference)
	}
	if peak > memoryMax {
		t.Errorf("%d MiB of resident memory", peak>>20)
	}
	summary.add("streaming alone, redact="+mode+":", "%.1f times zstd -1 (%.1f CPU s/GB), %.0f MB in %.1f s, at most %.0f MiB resident",
		cpu/reference, cpu/gigabytes, gigabytes*1000, took.Seconds(), float64(peak)/(1<<20))
}

// waitQuietly waits until every line is streamed and returns the CPU seconds of
// the process. It asks once a second: each scrape costs milliseconds.
func (r *fixture) waitQuietly(p *sidecar.Process) float64 {
	r.t.Helper()
	for deadline := time.Now().Add(catchUp); time.Now().Before(deadline); {
		time.Sleep(time.Second)
		m, err := p.Metrics(r.t.Context())
		if err == nil && int64(m["auditsidecar_streamed_lines_total"]) >= r.writer.Lines() {
			return m["process_cpu_seconds_total"]
		}
	}
	r.t.Fatalf("not streamed within %v", catchUp)
	return 0
}
