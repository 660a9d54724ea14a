package terminal

import (
	"io"
	"os"
	"strings"
)

// Paint colours severities and verdicts of a report, on a terminal. In a pipe, on
// a dumb terminal and with NO_COLOR set it changes nothing.
type Paint bool

// NewPaint returns the colours for out.
func NewPaint(out io.Writer) Paint {
	return Paint(Is(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// Word colours text as the severity or verdict kind.
func (p Paint) Word(kind, text string) string {
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

// Lines colours the verdict at the beginning of each line of a report.
func (p Paint) Lines(report string) string {
	if !p {
		return report
	}
	var b strings.Builder
	for line := range strings.Lines(report) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		rest := line[len(indent):]
		for _, verdict := range []string{"FINDING", "FAILED", "OK", "note", "recorded gap"} {
			if after, ok := strings.CutPrefix(rest, verdict); ok && after != "" && strings.ContainsRune(" :,", rune(after[0])) {
				rest = p.Word(verdict, verdict) + after
				break
			}
		}
		b.WriteString(indent + rest)
	}
	return b.String()
}
