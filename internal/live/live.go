package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const (
	// maxLine is the longest line that is read whole. Loki takes 256 KiB by
	// default, so of a longer line only a stub would arrive in any case.
	maxLine = 10 << 20
	// cursorInterval is the shortest time between two writes of the cursor.
	cursorInterval = time.Second
	// readPause is the shortest time between two reads at the end of the
	// file: at a high rate one wake-up then serves many lines.
	readPause = 50 * time.Millisecond
)

// Config is what a Live needs.
type Config struct {
	// Source lists the segments to stream.
	Source rotate.Source
	// Poke says that something was written or rotated.
	Poke <-chan struct{}
	// Client pushes to Loki.
	Client *lokipush.Client
	// Labels of the stream.
	Labels map[string]string
	// Redact returns the line as it may leave the node, made in dst[:0] (grown
	// as needed) where it changed. Nil: lines are sent as they are. It must be
	// a function of the line alone, so that a retry sends the same bytes, and
	// must take any bytes: of a line longer than what is read whole it is
	// given the start.
	Redact func(dst, line []byte) (out []byte, changed bool)
	// MaxLineBytes is the longest line that Loki accepts.
	MaxLineBytes int
	// BatchWait is the longest time that a line waits for its batch to fill.
	BatchWait time.Duration
	// Ledger has Loki's claims, CursorFile the position.
	Ledger     *ledger.Ledger
	CursorFile *ledger.CursorFile
	// Cursor is where to go on.
	Cursor ledger.Cursor
	// Released hears that claims were released.
	Released func()
	// Observe hears how each delivery, or each attempt of a failing one, ended.
	Observe func(error)
	// Note hears of refused lines and of breaks in what can be read.
	Note func(event string, err error)
	// Registry takes the metrics.
	Registry prometheus.Registerer
}

// Live streams lines to Loki. It is not safe for concurrent use.
type Live struct {
	cfg     Config
	reader  *rotate.Reader
	pusher  *lokipush.Pusher
	batch   *lokipush.Batch
	metrics *metrics
	stamp   stamper

	since    time.Time     // when the batch got its first line
	batched  ledger.Cursor // after the last line of the batch
	accepted ledger.Cursor // everything before it was accepted
	stored   ledger.Cursor // what the cursor file says
	storedAt time.Time     // when it was written
	left     rotate.Line   // a line that did not fit into the full batch
	hasLeft  bool
	fields   lokipush.Fields
	redacted []byte // memory of the last redacted line
	shrunk   []byte // memory of the last shrunk line
}

// New returns a Live that has read nothing yet.
func New(cfg Config) (*Live, error) {
	l := &Live{cfg: cfg, accepted: cfg.Cursor, batched: cfg.Cursor, stored: cfg.Cursor, metrics: newMetrics(cfg.Registry)}
	l.stamp.last = cfg.Cursor.Timestamp
	from := rotate.Position{Segment: cfg.Cursor.Segment, Offset: cfg.Cursor.Offset, Line: cfg.Cursor.Line}
	var err error
	if l.reader, err = rotate.NewReader(cfg.Source, from, rotate.ReaderConfig{MaxLine: maxLine}); err != nil {
		return nil, err
	}
	if l.batch, err = lokipush.NewBatch(cfg.Labels, lokipush.BatchConfig{}); err != nil {
		return nil, err
	}
	l.pusher, err = lokipush.NewPusher(cfg.Client, lokipush.PusherConfig{OnAttempt: l.attempted})
	return l, err
}

// attempted counts a push and tells the health of the loop: a failing
// delivery goes on for as long as Loki is away.
func (l *Live) attempted(a lokipush.Attempt) {
	decision := lokipush.DecisionOf(a.Err)
	l.metrics.pushes.WithLabelValues(decision.String()).Inc()
	switch decision {
	case lokipush.Accepted:
		l.metrics.bytes.Add(float64(a.Bytes))
		l.cfg.Observe(nil)
	case lokipush.Retry, lokipush.Stop:
		l.cfg.Observe(fmt.Errorf("push to %s: %w", l.cfg.Client.URL(), a.Err))
	}
}

// Run streams until ctx is done; call [Live.Sync] then to send what is left,
// and [Live.Close]. It returns nil, or an error when the disk lost writes.
func (l *Live) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := l.turn(ctx)
		if durable.IsFatal(err) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			l.cfg.Observe(err)
		}
		l.wait(ctx)
	}
	return nil
}

// turn sends every full batch, and the last one when its time has come.
func (l *Live) turn(ctx context.Context) error {
	more, err := l.sendFull(ctx)
	if err == nil && !more && l.batch.Len() > 0 && time.Since(l.since) >= l.cfg.BatchWait {
		err = l.deliver(ctx)
	}
	if err == nil && l.batch.Len() == 0 {
		l.cfg.Observe(nil)
	}
	return errors.Join(err, l.keepCursor(false))
}

// wait returns when there may be something to read, when the batch is due, or
// when ctx is done.
func (l *Live) wait(ctx context.Context) {
	if l.batch.Len() == 0 {
		_ = l.reader.Wait(ctx, l.cfg.Poke) // ctx is done: the caller looks at it
		return
	}
	timer := time.NewTimer(min(readPause, l.cfg.BatchWait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Sync sends everything up to the present end of the log.
func (l *Live) Sync(ctx context.Context) error {
	_, err := l.sendFull(ctx)
	if err == nil {
		err = l.deliver(ctx)
	}
	return errors.Join(err, l.keepCursor(true))
}

// Close gives back the open file and the metrics' last state.
func (l *Live) Close() error { return l.reader.Close() }

// sendFull reads on and delivers each batch that fills, until the end of the
// log is reached.
func (l *Live) sendFull(ctx context.Context) (more bool, err error) {
	for {
		full, err := l.fill()
		if err != nil || !full {
			return false, err
		}
		if err := l.deliver(ctx); err != nil {
			return true, err
		}
		if err := l.keepCursor(false); err != nil {
			return true, err
		}
	}
}

// fill reads lines into the batch until it is full or the log is read to its
// present end. A break in the log is noted, and read over.
func (l *Live) fill() (full bool, err error) {
	for {
		line, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			l.metrics.observeLag(l.reader)
			return false, nil
		case isBreak(err):
			l.metrics.breaks.WithLabelValues(breakReason(err)).Inc()
			l.cfg.Note("the log could not be read without a break", err)
			continue
		case err != nil:
			return false, err
		}
		if !l.add(line) {
			l.left, l.hasLeft = line, true
			return true, nil
		}
	}
}

// next returns the line that did not fit, or reads one. The line that did not
// fit is still valid: nothing was read since.
func (l *Live) next() (rotate.Line, error) {
	if l.hasLeft {
		l.hasLeft = false
		return l.left, nil
	}
	return l.reader.Next()
}

// add puts one line into the batch and returns false when the batch is full.
func (l *Live) add(line rotate.Line) bool {
	line, redacted := l.redact(withoutHole(line))
	_ = lokipush.ParseFields(line.Bytes, &l.fields) // a malformed line is streamed like any other, with what was found
	at := l.stamp.peek(l.fields.StageTimestamp)
	text := l.shrink(line)
	if !l.batch.Add(at, text, &l.fields) {
		return false
	}
	if redacted {
		l.metrics.redacted.Inc()
	}
	if int64(len(text)) != line.Len {
		l.metrics.shrunk.Inc()
	}
	if l.batch.Len() == 1 {
		l.since = time.Now()
	}
	l.stamp.last = at
	l.batched = ledger.Cursor{Segment: line.Segment, Offset: line.End, Line: line.Number, Timestamp: at}
	return true
}

// redact returns the line as it may leave the node, and whether that is
// another than it was; its memory is reused.
func (l *Live) redact(line rotate.Line) (rotate.Line, bool) {
	if l.cfg.Redact == nil {
		return line, false
	}
	if cap(l.redacted) > 2*l.cfg.MaxLineBytes {
		l.redacted = nil
	}
	text, changed := l.cfg.Redact(l.redacted, line.Bytes)
	if !changed {
		return line, false
	}
	l.redacted = text
	line.Len += int64(len(text) - len(line.Bytes))
	line.Bytes = text
	return line, true
}

// shrink returns the line as Loki takes it; its memory is reused.
func (l *Live) shrink(line rotate.Line) []byte {
	if !line.Truncated && len(line.Bytes) <= l.cfg.MaxLineBytes {
		return line.Bytes
	}
	if cap(l.shrunk) > 2*l.cfg.MaxLineBytes {
		l.shrunk = nil
	}
	if line.Truncated {
		l.shrunk = lokipush.Stub(line.Bytes, line.Len, l.shrunk)
	} else {
		l.shrunk = lokipush.Shrink(line.Bytes, l.cfg.MaxLineBytes, l.shrunk)
	}
	return l.shrunk
}

// deliver has the batch accepted. Only then the cursor moves.
func (l *Live) deliver(ctx context.Context) error {
	if l.batch.Len() > 0 {
		refused, err := l.pusher.Deliver(ctx, l.batch)
		if err != nil {
			return fmt.Errorf("stream to Loki: %w", err)
		}
		l.refused(refused)
		l.metrics.lines.Add(float64(l.batch.Len() - len(refused)))
		l.metrics.lastEntry.Set(float64(l.batched.Timestamp.UnixMilli()) / 1e3)
		l.accepted = l.batched
		l.batch.Reset()
	}
	return nil
}

func (l *Live) refused(refused []lokipush.Refusal) {
	for _, r := range refused {
		l.metrics.refused.WithLabelValues(string(r.Reason)).Inc()
	}
	if len(refused) > 0 {
		l.cfg.Note(fmt.Sprintf("Loki refused %d of %d lines for good; they are in the archive", len(refused), l.batch.Len()), refused[0].Err)
	}
}
