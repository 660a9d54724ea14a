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
)

// Config is what a Live needs.
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
	// must take any bytes: of a line longer than what is read whole it is
	// given the start.
	Redact func(dst, line []byte) (out []byte, changed bool)
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
	// Cursor is where to go on; the zero Cursor goes on at Start.
	Cursor ledger.Cursor
	// Start is where a log begins that was never streamed.
	Start Start
	// Released hears that claims were released.
	Released func()
	// Observe hears how each delivery, or each attempt of a failing one,
	// ended. It may be called by several goroutines at once.
	Observe func(error)
	// Note hears of refused lines and of breaks in what can be read. The error
	// may be nil.
	Note func(event string, err error)
	// Registry takes the metrics.
	Registry prometheus.Registerer
}

// Live streams lines to Loki. It is not safe for concurrent use.
type Live struct {
	cfg     Config
	reader  *rotate.Reader // nil until the log has begun
	line    transformer
	streams *streams
	pusher  *lokipush.Pusher
	metrics *metrics

	// The parcels, each in one of the three lists until it is settled.
	open    []*parcel // being filled, in the order of their first lines
	waiting []*parcel // sealed, without a place in flight; nothing is read meanwhile
	flying  []*parcel // being delivered
	landed  chan landing
	failed  error // why the last flight was given up

	free      []*lokipush.Batch // memory of sealed parcels
	scratch   []byte            // memory to pack the next one in
	openBytes int               // in open
	number    int64             // of the last line that was added
	sent      int64             // the highest number that was ever in flight

	// The time covered by the entries that were sent and are not yet behind
	// the cursor on disk.
	spanOldest, spanNewest time.Time

	cursor    ledger.Cursor // the place after the last line that was read
	stored    ledger.Cursor // what the cursor file says
	storedAt  time.Time     // when it was last written, or could not be
	unwritten error         // why it could not be, the last time
	released  string        // the segment before which no claim is left

	left      rotate.Line // a line that is ahead of its time
	hasLeft   bool
	leftUntil time.Time
	atEnd     bool // the last read came to the present end of the log

	ends ends // of the segments that are left

	passedOver time.Time // when a line outside of Loki's window was last noted
	lagAt      time.Time // when the lag was last measured
}

// New returns a Live that has read nothing yet. The error says which of the
// labels Loki would not take.
func New(cfg Config) (*Live, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Live{
		cfg: cfg, metrics: newMetrics(cfg.Registry), landed: make(chan landing, maxInFlight), cursor: cfg.Cursor, stored: cfg.Cursor,
		line: transformer{redactor: cfg.Redact, maxLineBytes: cfg.MaxLineBytes},
		ends: ends{at: map[string]ledger.Cursor{}, noticed: map[string]bool{}},
	}
	var err error
	if l.streams, err = newStreams(cfg.Labels, cfg.EventLabels); err != nil {
		return nil, err
	}
	l.pusher, err = lokipush.NewPusher(cfg.Client, lokipush.PusherConfig{OnAttempt: l.attempted})
	return l, err
}

// attempted counts a push and tells the health of the loop: a failing
// delivery goes on for as long as Loki is away. It is called by every flight.
func (l *Live) attempted(a lokipush.Attempt) {
	decision := lokipush.DecisionOf(a.Err)
	l.metrics.pushes.WithLabelValues(decision.String()).Inc()
	l.metrics.pushSeconds.Observe(a.Duration.Seconds())
	switch decision {
	case lokipush.Accepted:
		l.metrics.bytes.Add(float64(a.Bytes))
		l.metrics.lastSuccess.SetToCurrentTime()
		l.cfg.Observe(nil)
	case lokipush.Retry, lokipush.Stop:
		l.cfg.Observe(fmt.Errorf("push to %s: %w", l.cfg.Client.URL(), a.Err))
	}
}

// Run streams until ctx is done; call [Live.Sync] then to send what is left,
// and [Live.Close]. It returns nil, or an error when the disk lost writes.
func (l *Live) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.land()
	defer cancel()
	for ctx.Err() == nil {
		err := l.turn(ctx, false)
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

// turn reads what there is a place for, and sends what is full or due. With
// all everything is due.
func (l *Live) turn(ctx context.Context, all bool) error {
	l.atEnd = false
	if err := l.begin(); errors.Is(err, io.EOF) {
		l.atEnd = true
		l.cfg.Observe(nil) // no file yet
		return nil
	} else if err != nil {
		return err
	}
	err := l.followCuts()
	if err == nil {
		err = l.fill(ctx)
	}
	l.settleLanded()
	l.sealDue(all)
	err = errors.Join(err, l.launch(ctx))
	if err == nil && l.unsettled() == nil {
		l.cfg.Observe(nil)
	}
	l.observeLag()
	return errors.Join(err, l.keepCursor(false))
}

// wait returns when there may be something to do, or when ctx is done.
func (l *Live) wait(ctx context.Context) {
	poke, pause := l.cfg.Poke, idleWait
	switch {
	case len(l.waiting) > 0:
		poke = nil // nothing is read until there is a place in flight
	case len(l.open) > 0:
		poke, pause = nil, min(readPause, l.cfg.BatchWait)
	case l.hasLeft:
		poke = nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-poke:
	case <-timer.C:
	case done := <-l.landed:
		l.settle(done)
	}
}

// Sync sends everything up to the present end of the log. Where it does not
// come to the end, a later call or run goes on. A cursor that cannot be written
// is an error, in the end.
func (l *Live) Sync(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.land()
	defer cancel()
	for l.failed = nil; ctx.Err() == nil; l.wait(ctx) {
		if err := l.turn(ctx, true); err != nil && (l.unwritten == nil || durable.IsFatal(err)) {
			return err
		}
		if l.unsettled() == nil && !l.hasLeft && l.atEnd {
			return l.keepLast()
		}
	}
	cancel()
	l.land()
	return errors.Join(fmt.Errorf("stream to Loki: %w", ctx.Err()), l.failed, l.keepLast())
}

// keepLast writes the cursor, if the log has begun.
func (l *Live) keepLast() error {
	if l.reader == nil {
		return nil
	}
	return l.keepCursor(true)
}

// Close gives back the open file.
func (l *Live) Close() error {
	if l.reader == nil {
		return nil
	}
	return l.reader.Close()
}
