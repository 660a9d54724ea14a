package cli

import (
	"io"
	"os"
	"strings"
)

// paint colours what matters in a report, on a terminal. In a pipe, on a dumb
// terminal and with NO_COLOR set it changes nothing.
type paint bool

func newPaint(out io.Writer) paint {
	return paint(isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// word colours text in the way that a severity or a verdict has.
func (p paint) word(kind, text string) string {
	colour := ""
	switch strings.ToLower(kind) {
	case "error", "failed", "finding":
		colour = "31" // red
	case "warning", "note", "recorded gap":
		colour = "33" // yellow
	case "ok":
		colour = "32" // green
	case "info":
		colour = "36" // cyan
	}
	if !bool(p) || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// lines colours the verdict that a line of a report begins with.
func (p paint) lines(report string) string {
	if !p {
		return report
	}
	var b strings.Builder
	for line := range strings.Lines(report) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		rest := line[len(indent):]
		for _, verdict := range []string{"FINDING", "FAILED", "OK", "note", "recorded gap"} {
			if after, ok := strings.CutPrefix(rest, verdict); ok && after != "" && strings.ContainsRune(" :,", rune(after[0])) {
				rest = p.word(verdict, verdict) + after
				break
			}
		}
		b.WriteString(indent + rest)
	}
	return b.String()
}
