package loki

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

const (
	latencyLines = 20 * linesPerSecond
	probers      = 4
)

// The goals are a median of 0.5 s and a p99 of 2 s, with Loki, the writer and the
// queries on the same cores as the sidecar. A busy machine needs more, so only a
// hang fails; how long a line waits for company is tested in internal/live.
const p99Limit = time.Minute

// TestLatency takes the time from a line's write until a query finds it, at
// 2,000 lines a second.
func TestLatency(t *testing.T) {
	server := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	r := newFixture(t, server, "latency", server.URL, audittest.Config{})
	p := r.start()
	written := new(newest)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		times []time.Duration
	)
	for range probers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if d, ok := r.probe(ctx, written); ok {
					mu.Lock()
					times = append(times, d)
					mu.Unlock()
				}
			}
		})
	}
	if err := r.writer.Replay(ctx, written.note(audittest.Fresh(audittest.Corpus(t, "rotated.log"), latencyLines)), linesPerSecond, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()
	r.stop(p)
	if len(times) < probers {
		t.Fatalf("only %d lines were timed", len(times))
	}
	slices.Sort(times)
	median, p99 := times[len(times)/2], times[len(times)*99/100]
	if p99 > p99Limit {
		t.Errorf("written to queryable: p50 %v, p99 %v, more than %v", median, p99, p99Limit)
	}
	summary.add("written to queryable:", "p50 %.2f s (goal 0.5), p99 %.2f s (goal 2), max %.2f s at %d lines/s (%d timed)",
		median.Seconds(), p99.Seconds(), times[len(times)-1].Seconds(), linesPerSecond, len(times))
}

// newest is the line that was written last.
type newest struct {
	mu    sync.Mutex
	stamp time.Time // its own
	at    time.Time // when it was written
}

// note remembers each line as it goes by.
func (n *newest) note(lines iter.Seq[[]byte]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var f lokipush.Fields
		for line := range lines {
			if readFields(line, &f) {
				n.mu.Lock()
				n.stamp, n.at = f.StageTimestamp, time.Now()
				n.mu.Unlock()
			}
			if !yield(line) {
				return
			}
		}
	}
}

func (n *newest) get() (stamp, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stamp, n.at
}

// probe takes the newest line and asks for it until it is found.
func (r *fixture) probe(ctx context.Context, written *newest) (time.Duration, bool) {
	stamp, at := written.get()
	if time.Since(at) > 100*time.Millisecond { // nothing is written now
		time.Sleep(10 * time.Millisecond)
		return 0, false
	}
	for ctx.Err() == nil {
		result, err := r.loki.Range(ctx, `{job="audit", cluster="`+r.cluster+`"}`, stamp, stamp.Add(time.Microsecond), 0)
		if err == nil && len(result.Rows) > 0 {
			return time.Since(at), true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, false
}
