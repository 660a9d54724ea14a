package terminal

import (
	"io"
	"os"
	"regexp"
	"strings"
)

// Paint colours severities and verdicts of a report, on a terminal. In a pipe, on
// a dumb terminal and with NO_COLOR set it changes nothing.
type Paint bool

// NewPaint returns the colours for out.
func NewPaint(out io.Writer) Paint {
	return Paint(Is(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// colours are those of the severities and verdicts.
var colours = map[string]string{
	"error": "31", "failed": "31", "finding": "31", "unrecorded": "31", // red
	"warning": "33", "note": "33", "recorded gap": "33", // yellow
	"ok":   "32", // green
	"info": "36", // cyan
}

// Word colours text as the severity or verdict kind.
func (p Paint) Word(kind, text string) string {
	colour := colours[strings.ToLower(kind)]
	if !bool(p) || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// verdict is one at the beginning of a line.
var verdict = regexp.MustCompile(`(?m)^ *(FINDING|FAILED|UNRECORDED|OK|note|recorded gap)[ :,]`)

// Lines colours the verdict at the beginning of each line of a report.
func (p Paint) Lines(report string) string {
	return verdict.ReplaceAllStringFunc(report, func(start string) string {
		word := strings.Trim(start, " :,")
		return strings.Replace(start, word, p.Word(word, word), 1)
	})
}
