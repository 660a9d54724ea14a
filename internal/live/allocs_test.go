package live

import (
	"bytes"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// A line costs no allocation on its way into a batch.
func TestLinesCostNoAllocation(t *testing.T) {
	lines := bytes.Split(bytes.TrimSuffix(audittest.Corpus(t, "rotated.log"), []byte("\n")), []byte("\n"))[:500]
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) { cfg.EventLabels = EventLabels() }
	s.add("0", "")
	s.start()
	s.sync()
	l := s.live
	pass := func() {
		now := time.Now()
		for _, text := range lines {
			if err := l.add(rotate.Line{Segment: "0", Bytes: text, Len: int64(len(text))}, now); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range l.queue.open {
			p.open.Reset() // as if it had been sent
		}
		l.queue.openBytes = 0
	}
	pass()
	if n := testing.AllocsPerRun(5, pass); n > 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}
