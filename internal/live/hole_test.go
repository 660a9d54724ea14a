package live

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// The event behind a hole arrives as it was written, however long the hole is.
func TestEventBehindAHole(t *testing.T) {
	event, _, _ := strings.Cut(string(audittest.Corpus(t, "rotated.log")), "\n")
	for _, test := range []struct {
		name, line, want string
	}{
		{"no hole", event, event},
		{"a short hole", strings.Repeat("\x00", 10) + event, event},
		{"a hole longer than Loki's longest line", strings.Repeat("\x00", 3<<20) + event, event},
		{"NULs within a line stay", event + "\x00\x00" + event, event + "\x00\x00" + event},
		{"nothing but NULs", strings.Repeat("\x00", 10), strings.Repeat("\x00", 10)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, lokitest.Config{})
			s.add("0", test.line+"\n")
			s.start()
			s.sync()
			s.wantLines(test.want)
			if n := testutil.ToFloat64(s.live.metrics.shrunk); n != 0 {
				t.Errorf("%v lines count as shrunk", n)
			}
		})
	}
}

// A hole that is longer than what is read of a line leaves nothing to send but
// a stub that says so.
func TestHoleLongerThanAnyLine(t *testing.T) {
	line := rotate.Line{Bytes: make([]byte, 100), Len: 5000, Truncated: true}
	if got := withoutHole(line); len(got.Bytes) != 100 || got.Len != 5000 {
		t.Errorf("%d of %d bytes are left", len(got.Bytes), got.Len)
	}
	line.Bytes = []byte("\x00\x00event")
	if got := withoutHole(line); string(got.Bytes) != "event" || got.Len != 4998 {
		t.Errorf("%q of %d bytes is left", got.Bytes, got.Len)
	}
}
