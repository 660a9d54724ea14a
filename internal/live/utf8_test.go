package live

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// Bytes that are not UTF-8 arrive as U+FFFD, counted, in a line that Loki takes; the lines around them arrive.
func TestLinesThatAreNotUTF8(t *testing.T) {
	event := strings.TrimSpace(audittest.FullLine)
	with := func(bytes string) string {
		return strings.Replace(event, `"responseObject":"x"`, `"responseObject":"`+bytes+`"`, 1)
	}
	for name, c := range map[string]struct {
		line, want string
		shrunk     float64
	}{
		"in a body":      {line: with("\xff"), want: with("\ufffd")},
		"several":        {line: with("\xff\xfe\xe2\x82"), want: with(strings.Repeat("\ufffd", 4))},
		"in no event":    {line: "\x80 panic", want: "\ufffd panic"},
		"in the user":    {line: strings.Replace(event, "alice", "a\xffe", 1), want: strings.Replace(event, "alice", "a\ufffde", 1)},
		"too long then":  {line: with(strings.Repeat("\xff", 100<<10)), shrunk: 1},
		"longer than 1M": {line: with(strings.Repeat("y", 2<<20)) + "\xff", shrunk: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, lokitest.Config{})
			s.add("0", "before\n"+c.line+"\nafter\n")
			s.start()
			s.sync()
			lines := s.lines()
			if len(lines) != 3 || lines[0] != "before" || lines[2] != "after" {
				t.Fatalf("Loki has %.200q", lines)
			}
			if c.want != "" && lines[1] != c.want || strings.ToValidUTF8(lines[1], "") != lines[1] {
				t.Errorf("Loki has %.300q", lines[1])
			}
			if mended := testutil.ToFloat64(s.live.metrics.mended); mended != 1 && c.want != "" {
				t.Errorf("%v lines are counted", mended)
			}
			if n := testutil.ToFloat64(s.live.metrics.shrunk); n != c.shrunk {
				t.Errorf("%v lines are shrunk, want %v", n, c.shrunk)
			}
		})
	}
}
