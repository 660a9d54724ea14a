package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const (
	// maxLine is the longest line that is read whole, where Loki takes no
	// longer ones. A longer line is read twice, and never held.
	maxLine = 1 << 20
	// cursorInterval is the shortest time between two writes of the cursor.
	cursorInterval = time.Second
	// readPause is the shortest time between two reads at the end of the
	// file: at a high rate one wake-up then serves many lines.
	readPause = 50 * time.Millisecond
	// idleWait is how long nothing is looked at without a poke.
	idleWait = time.Second
	// answerTime is how long pushes in flight may take when the stream stops: one
	// that is cancelled is sent again, although Loki may have it.
	answerTime = 2 * time.Second
)

// Events receives the steps of the stream.
type Events interface {
	// Pass is called with the result of each delivery, or of each attempt of a
	// failing one. Several goroutines may call it at once.
	Pass(err error)
	// Note reports refused lines and breaks in the log. The error may be
	// nil.
	Note(event string, err error)
	// Gap reports a break that was recorded.
	Gap(gap ledger.Gap)
	// Released is called when claims were released.
	Released()
}

// Config configures a Live. Its fields are the parts of the sidecar that meet
// in the stream; each is set once.
type Config struct {
	// Source lists the segments to stream.
	Source rotate.Source
	// Poke says that something was written or rotated.
	Poke <-chan struct{}
	// Client pushes to Loki.
	Client *lokipush.Client
	// Labels of every line.
	Labels map[string]string
	// EventLabels are labels that come from the event, of [EventLabels]. Each
	// set of their values is a stream of its own.
	EventLabels []string
	// Redact returns the line as it may leave the node, made in dst[:0] (grown
	// as needed) where it changed. Nil: lines are sent as they are. It must be
	// a function of the line alone, so that a retry sends the same bytes, and
	// must take any bytes: of a line longer than the longest read whole it is
	// given the start. e is the event of a line in kube-apiserver's own form,
	// nil if the line is not known to have that form.
	Redact func(dst, line []byte, e *auditline.Event) (out []byte, changed bool)
	// MaxLineBytes is the longest line that Loki accepts.
	MaxLineBytes int
	// BatchWait is the longest time that a line waits for its batch to fill.
	BatchWait time.Duration
	// Window is the time that Loki takes entries of, Now the clock that it is
	// held against. Default: time.Now.
	Window Window
	Now    func() time.Time
	// Ledger has Loki's claims, CursorFile the position.
	Ledger     *ledger.Ledger
	CursorFile *ledger.CursorFile
	// Cursor is where to resume; zero in a log that was never streamed.
	Cursor ledger.Cursor
	// FromEnd begins such a log at its present end; else the stream begins with
	// the oldest file that is held and may have lines that Loki takes.
	FromEnd bool
	// Events hears what happens.
	Events Events
	// Registry takes the metrics.
	Registry prometheus.Registerer
}

// Live streams lines to Loki. It is not safe for concurrent use.
type Live struct {
	cfg     Config
	metrics *metrics
	reader  *rotate.Reader // nil until the log has begun
	line    transformer
	streams *streams
	queue   *queue
	pos     *position

	left  leftLine
	atEnd bool // the last read came to the present end of the log

	passedOver time.Time // when a line outside of Loki's window was last noted
	lagAt      time.Time // when the lag was last measured
}

// leftLine is a line that was read and is ahead of its time.
type leftLine struct {
	line  rotate.Line
	is    bool
	until time.Time
}

// New returns a Live that has read nothing yet. The error says which of the
// labels Loki would not take.
func New(cfg Config) (*Live, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Live{cfg: cfg, metrics: newMetrics(cfg.Registry), line: transformer{redactor: cfg.Redact, maxLineBytes: cfg.MaxLineBytes}}
	l.pos = &position{
		cfg: &l.cfg, metrics: l.metrics, cursor: cfg.Cursor, stored: cfg.Cursor,
		ends: ends{at: map[string]ledger.Cursor{}, noticed: map[string]bool{}},
	}
	l.queue = newQueue(&l.cfg, l.metrics, l.pos)
	var err error
	l.streams, err = newStreams(cfg.Labels, cfg.EventLabels)
	return l, err
}

// Run streams until ctx is done, and up to answerTime longer; call [Live.Sync] then
// to send the rest, and [Live.Close]. It returns nil, or an error when the disk
// lost writes.
func (l *Live) Run(ctx context.Context) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(answerTime, cancel) })()
	defer l.queue.drain()
	for ctx.Err() == nil {
		err := l.step(sending, false)
		if durable.IsFatal(err) {
			cancel()
			return err
		}
		if err != nil && ctx.Err() == nil {
			l.cfg.Events.Pass(err)
		}
		l.wait(ctx)
	}
	return nil
}

// step reads as much as has room, and sends full and due batches. With
// all everything is due.
func (l *Live) step(ctx context.Context, all bool) error {
	l.atEnd = false
	if err := l.begin(); errors.Is(err, io.EOF) {
		l.atEnd = true
		l.cfg.Events.Pass(nil) // no file yet
		return nil
	} else if err != nil {
		return err
	}
	err := l.watchCuts()
	if err == nil {
		err = l.fill(ctx)
	}
	l.queue.settleCompleted()
	l.queue.sealDue(all)
	err = errors.Join(err, l.launch(ctx))
	if err == nil && l.queue.unsettled() == nil {
		l.cfg.Events.Pass(nil)
	}
	l.observeLag()
	return errors.Join(err, l.keepCursor(false))
}

// fill reads lines into batches until the log is read to its present end or
// there is no place for more. A cursor that cannot be written is an error, but
// no reason to stop.
func (l *Live) fill(ctx context.Context) (err error) {
	var cursor error
	defer func() { err = errors.Join(err, cursor) }()
	for more := true; more && err == nil && ctx.Err() == nil; {
		// A backlog may take long to read, and all of it may be passed over.
		l.queue.settleCompleted()
		l.queue.sealDue(false)
		if e := errors.Join(l.launch(ctx), l.keepCursor(false)); e != nil {
			if cursor = e; durable.IsFatal(e) {
				return nil
			}
		}
		if len(l.queue.waiting) > 0 {
			return nil
		}
		more, err = l.readSome()
	}
	return err
}

// readSome reads a few lines. It returns false at the present end of the log
// and when a batch waits for its place. A break in the log is noted, and read
// over.
func (l *Live) readSome() (more bool, err error) {
	now := l.cfg.Now()
	for range linesAtOnce {
		line, err := l.next(now)
		if err == nil {
			err = l.add(line, now)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			l.atEnd = true
			return false, nil
		case isBreak(err):
			if err := l.broke(err); err != nil {
				return false, err
			}
		default:
			return false, err
		}
		if len(l.queue.waiting) > 0 {
			break
		}
	}
	return true, nil
}

// linesAtOnce is how many lines are read without a look at the clock and at
// the remaining work.
const linesAtOnce = 64

// next returns the line that had to wait for its time, or reads one. The line
// that waited is still valid: nothing was read since.
func (l *Live) next(now time.Time) (rotate.Line, error) {
	if !l.left.is {
		return l.reader.Next()
	}
	if now.Before(l.left.until) {
		return rotate.Line{}, io.EOF
	}
	l.left.is = false
	return l.left.line, nil
}

// add puts one line into the batch of its stream, or passes over it when it
// is outside of Loki's window. For a line that has to wait for its time it
// returns io.EOF, as if it were not there yet.
func (l *Live) add(line rotate.Line, now time.Time) error {
	e, err := l.line.apply(line)
	if err != nil {
		l.left = leftLine{line, true, time.Time{}}
		return err
	}
	if reason := l.cfg.Window.outside(e.at, now); reason != "" {
		l.passOver(reason, e.at)
		l.line.last = e.at
		l.pos.advance(line, e.at)
		return nil
	}
	if early := l.cfg.Window.early(e.at, now); early > 0 {
		l.left = leftLine{line, true, now.Add(early)}
		return io.EOF
	}
	s, err := l.streams.of(&l.line.fields)
	if err != nil {
		return err
	}
	l.queue.add(s, e, &l.line.fields, line, l.line.last, now)
	if e.redacted {
		l.metrics.redacted.Inc()
	}
	if e.shrunk {
		l.metrics.shrunk.Inc()
	}
	if e.mended {
		l.metrics.mended.Inc()
	}
	l.line.last = e.at
	l.pos.advance(line, e.at)
	return nil
}

// passOver counts a line that Loki would refuse. Lines outside of the window
// come in runs, of which the first line is noted.
func (l *Live) passOver(reason lokipush.Reason, at time.Time) {
	l.metrics.refused.WithLabelValues(string(reason)).Inc()
	if now := time.Now(); now.Sub(l.passedOver) > passOverEvery {
		l.passedOver = now
		l.cfg.Events.Note(fmt.Sprintf("lines of %s are outside of the time that Loki takes (%s) and are not sent; they are in the archive",
			at.Format(time.RFC3339), reason), nil)
	}
}

// passOverEvery is the shortest time between two notes of lines outside of
// Loki's window.
const passOverEvery = time.Minute

// accepted returns the position of the lowest byte that is not accepted. Where
// everything that was read is, that is where the reader is: a segment without
// a line is passed, too.
func (l *Live) accepted() ledger.Cursor {
	if p := l.queue.unsettled(); p != nil {
		return p.from
	}
	at := l.pos.cursor
	if pos := l.reader.Position(); !l.left.is && pos.Segment != "" && pos.Segment != at.Segment {
		at.Segment, at.Offset, at.Line, at.Cuts = pos.Segment, pos.Offset, pos.Line, l.pos.cutsOf(pos.Segment)
	}
	return at
}

// keepCursor writes the position of the lowest byte that is not accepted, if it
// has moved and that is due; with now it is. A log that has not begun has none.
func (l *Live) keepCursor(now bool) error {
	if l.reader == nil {
		return nil
	}
	kept, err := l.pos.keep(l.accepted(), now)
	if kept {
		l.queue.spanFrom(l.queue.unsettled())
	}
	return err
}

// launch sends the batches that wait.
func (l *Live) launch(ctx context.Context) error {
	return l.queue.launch(ctx, func() error { return l.keepCursor(true) })
}

// wait returns when there may be something to do, or when ctx is done.
func (l *Live) wait(ctx context.Context) {
	poke, pause := l.cfg.Poke, idleWait
	switch {
	case len(l.queue.waiting) > 0:
		poke = nil // nothing is read until there is a place in flight
	case len(l.queue.open) > 0:
		poke, pause = nil, min(readPause, l.cfg.BatchWait)
	case l.left.is:
		poke = nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-poke:
	case <-timer.C:
	case done := <-l.queue.completed:
		l.queue.settle(done)
	}
}

// Sync sends everything up to the present end of the log. Where it does not
// come to the end, a later call or run resumes. A cursor that cannot be written
// is an error, in the end.
func (l *Live) Sync(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.queue.drain()
	defer cancel()
	for l.queue.failed = nil; ctx.Err() == nil; l.wait(ctx) {
		if err := l.step(ctx, true); err != nil && (l.pos.unwritten == nil || durable.IsFatal(err)) {
			return err
		}
		if l.queue.unsettled() == nil && !l.left.is && l.atEnd {
			return l.keepCursor(true)
		}
	}
	cancel()
	l.queue.drain()
	return errors.Join(fmt.Errorf("stream to Loki: %w", ctx.Err()), l.queue.failed, l.keepCursor(true))
}

// Close gives back the open file.
func (l *Live) Close() error {
	if l.reader == nil {
		return nil
	}
	return l.reader.Close()
}
