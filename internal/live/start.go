package live

import (
	"errors"
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// begin opens the reader: where the cursor says, or, without one, at
// the place to start. That place is on disk before the first push: a crash
// must not choose another one. It returns io.EOF while there is no file.
func (l *Live) begin() error {
	if l.reader != nil {
		return nil
	}
	if l.pos.cursor.Segment == "" {
		return l.firstStart()
	}
	return l.readFrom(l.pos.cursor)
}

func (l *Live) readFrom(c ledger.Cursor) error {
	from := rotate.Position{Segment: c.Segment, Offset: c.Offset, Line: c.Line}
	reader, err := rotate.NewReader(l.cfg.Source, from, rotate.ReaderConfig{MaxLine: max(maxLine, l.cfg.MaxLineBytes)})
	if err != nil {
		return err
	}
	if l.pos.ends.begun == "" {
		l.pos.ends.begun = c.Segment
	}
	l.reader, l.pos.cursor, l.line.last, l.line.open = reader, c, c.Timestamp, reader.OpenLine
	return nil
}

func (l *Live) firstStart() error {
	segments, err := l.cfg.Source.Held()
	if err != nil {
		return fmt.Errorf("list the log: %w", err)
	}
	if len(segments) == 0 {
		l.cfg.FromEnd = false // later lines are newer than now
		return io.EOF
	}
	at := segments[firstOf(&l.cfg, segments)]
	// Lines before the first timestamp of the log get that one. The present time
	// would put them, as the newest entry of the stream, a whole backlog ahead of
	// the next line, which Loki would then refuse.
	first, err := rotate.FirstEvent(at.Path, at.Gzip)
	if err != nil || first.IsZero() { // the stream's own reader returns the error
		first = l.cfg.Now()
	}
	if err := l.readFrom(ledger.Cursor{Segment: at.ID, Cuts: l.pos.cutsOf(at.ID), Timestamp: first.UTC()}); err != nil {
		return err
	}
	if l.cfg.FromEnd {
		err = l.skipToEnd()
	}
	if err == nil {
		err = l.keepCursor(true)
	}
	if err != nil {
		err = errors.Join(err, l.reader.Close())
		l.reader, l.pos.cursor, l.pos.ends.begun = nil, ledger.Cursor{}, "" // the next step begins again
		return err
	}
	return nil
}

// firstOf chooses the file to start in. A file that was rotated before the
// oldest moment that Loki takes has no line for it.
func firstOf(cfg *Config, segments []rotate.Segment) int {
	last := len(segments) - 1
	if cfg.FromEnd {
		return last
	}
	for i, s := range segments[:last] {
		if !s.Finished || s.Rotated.IsZero() || !cfg.Window.tooOld(s.Rotated, cfg.Now()) {
			return i
		}
		cfg.Events.Note(fmt.Sprintf("first start: %s is older than Loki takes and is not streamed; it is archived", s.Name), nil)
	}
	return last
}

// skipToEnd reads to the present end of the log and sends nothing. A half
// line at the end will be streamed once it is whole.
func (l *Live) skipToEnd() error {
	for {
		line, err := l.reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case isBreak(err):
			if err := l.broke(err); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			l.pos.cursor = l.pos.after(line, l.pos.cursor.Timestamp)
		}
	}
}
