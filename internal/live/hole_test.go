package live

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// The event behind a hole arrives as it was written, however long the hole is.
func TestEventBehindAHole(t *testing.T) {
	event, _, _ := strings.Cut(string(audittest.Corpus(t, "rotated.log")), "\n")
	for _, test := range []struct {
		name, line, want string
	}{
		{"no hole", event, event},
		{"a short hole", strings.Repeat("\x00", 10) + event, event},
		{"a hole longer than any line that is held", strings.Repeat("\x00", 12<<20) + event, event},
		{"NULs within a line stay", event + "\x00\x00" + event, event + "\x00\x00" + event},
		{"a hole within a line", event[:40] + strings.Repeat("\x00", 12<<20) + event, event[:40] + "\x00" + event},
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

// Of a hole with nothing behind it a stub arrives.
func TestHoleWithoutAnEvent(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", strings.Repeat("\x00", 3<<20)+"\nend\n")
	s.start()
	s.sync()
	lines := s.lines()
	if len(lines) != 2 || !strings.HasPrefix(lines[0], `{"auditsidecar":{"shrunk":"line","bytes":3145728,"prefix":"\u0000`) || lines[1] != "end" {
		t.Errorf("Loki has %.200q", lines)
	}
}
