package search

import (
	"bytes"
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Line is one line of the log. It is valid until the call that got it returns.
type Line struct {
	// Bytes are the line's own, without its newline.
	Bytes []byte
	// Time is its stageTimestamp; that of its predecessor where it has none.
	Time time.Time
	// Event has the fields that could be read.
	Event *auditline.Event
}

// Lines is an [io.Writer] of bytes of a log that gives each line which Selection
// lets through to Do. Call [Lines.Begin] before the first byte of each file and
// [Lines.End] after the last.
type Lines struct {
	Selection Selection
	Do        func(Line) error

	hole    [64 << 10]byte // the beginning of a hole
	rest    []byte         // an unfinished line; given back when it was a huge one
	last    time.Time
	decoder auditline.Decoder
	event   auditline.Event
}

// keptRest is the memory for unfinished lines that is kept.
const keptRest = 1 << 20

// Begin is the begin of a file; rotated is the time of lines before the first
// one that has a time.
func (l *Lines) Begin(rotated time.Time) { l.rest, l.last = nil, rotated }

// Write takes the next bytes. NULs before a line, the hole that a truncation
// leaves, are no part of it, and of a hole within it there is only the beginning.
// Write fails with Do's error, or for a line longer than [parquet.MaxLine].
func (l *Lines) Write(p []byte) (int, error) {
	for done := 0; ; {
		if len(l.rest) == 0 || bytes.HasSuffix(l.rest, l.hole[:]) {
			done = len(p) - len(bytes.TrimLeft(p[done:], "\x00"))
		}
		end := bytes.IndexByte(p[done:], '\n')
		if end < 0 {
			l.rest = append(l.rest, p[done:]...)
			if len(l.rest) > parquet.MaxLine {
				return 0, fmt.Errorf("read the log: a line is longer than %d bytes", parquet.MaxLine)
			}
			return len(p), nil
		}
		line := p[done : done+end]
		if len(l.rest) > 0 {
			l.rest = append(l.rest, line...)
			line = l.rest
		}
		if err := l.line(line); err != nil {
			return 0, err
		}
		if l.rest = l.rest[:0]; cap(l.rest) > keptRest {
			l.rest = nil
		}
		done += end + 1
	}
}

// End is the end of a file: the rest is its last line.
func (l *Lines) End() error {
	if len(l.rest) == 0 {
		return nil
	}
	return l.line(l.rest)
}

func (l *Lines) line(line []byte) error {
	l.event.Release()
	l.decoder.Line(line, &l.event)
	if us, ok := l.event.StageTime(); ok {
		l.last = time.UnixMicro(us).UTC()
	}
	if !l.Selection.Match(l.last, &l.event, line) {
		return nil
	}
	return l.Do(Line{Bytes: line, Time: l.last, Event: &l.event})
}
