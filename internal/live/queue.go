package live

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const (
	// maxOpen and maxOpenBytes bound the batches that are filled at one time.
	// With labels from events each stream has its own.
	maxOpen      = 64
	maxOpenBytes = 4 << 20
	// maxInFlight is the number of pushes under way at once. One is enough
	// for a log that grows at 2,000 lines a second; after an outage, or with a
	// distant Loki, more hide the time that each answer takes.
	maxInFlight = 4
	// maxSpan is the time that the entries may cover which are sent and would
	// be sent again after a crash. Loki refuses lines more than an hour
	// older than the newest entry of its stream (half of its max_chunk_age),
	// so a push that overtakes another, or one sent again, must stay within.
	maxSpan = 30 * time.Minute
)

// completion is the end of one flight.
type completion struct {
	batch   *batch
	refused []lokipush.Refusal
	err     error // not accepted: the flight was cancelled
}

// queue has the batches on their way to Loki, each in one of three lists until
// it is settled. It belongs to the goroutine that fills it.
type queue struct {
	cfg     *Config
	metrics *metrics
	pusher  *lokipush.Pusher
	pos     *position

	open      []*batch // being filled, in the order of their first lines
	waiting   []*batch // sealed, without a place in flight; nothing is read meanwhile
	inFlight  []*batch // being delivered
	completed chan completion
	failed    error // why the last delivery was given up

	free      []*lokipush.Batch // memory of sealed batches
	scratch   []byte            // memory to pack the next one in
	openBytes int               // in open
	number    int64             // of the last line that was added
	sent      int64             // the highest number that was ever in flight

	// covered is the time of the entries that were sent and are not yet behind
	// the cursor on disk.
	covered span
}

func newQueue(cfg *Config, m *metrics, pos *position) *queue {
	q := &queue{cfg: cfg, metrics: m, pos: pos, completed: make(chan completion, maxInFlight)}
	q.pusher = lokipush.NewPusher(cfg.Client, lokipush.PusherConfig{OnAttempt: q.attempted})
	return q
}

// add puts an entry into the stream's open batch, or into a new one if there is
// none or it is full. last is the timestamp of the line before.
func (q *queue) add(s *stream, e entry, fields *lokipush.Fields, line rotate.Line, last, now time.Time) {
	q.number++
	b := s.open
	if b != nil {
		size := b.open.Bytes()
		if b.spans(e.at) <= maxSpan && b.open.Add(e.at, e.text, fields) {
			q.openBytes += b.open.Bytes() - size
		} else {
			q.seal(b)
			b = nil
		}
	}
	if b == nil {
		b = &batch{open: q.newBatch(s), stream: s, first: q.number, from: q.pos.before(line, last), since: now}
		b.open.Add(e.at, e.text, fields) // an empty batch takes any line
		s.open, q.open, q.openBytes = b, append(q.open, b), q.openBytes+b.open.Bytes()
	}
	b.take(line, e.at, q.number)
	q.makeRoom()
}

// makeRoom seals the largest open batch when there are many, or many bytes in
// them.
func (q *queue) makeRoom() {
	if len(q.open) <= maxOpen && q.openBytes <= maxOpenBytes {
		return
	}
	largest := q.open[0]
	for _, b := range q.open {
		if b.open.Bytes() > largest.open.Bytes() {
			largest = b
		}
	}
	q.seal(largest)
}

func (q *queue) newBatch(s *stream) *lokipush.Batch {
	if n := len(q.free); n > 0 {
		free := q.free[n-1]
		q.free = q.free[:n-1]
		free.ResetTo(s.labels)
		return free
	}
	return lokipush.NewBatch(s.labels)
}

// unsettled returns the batch with the lowest line that is neither accepted
// nor refused, nil without one.
func (q *queue) unsettled() *batch {
	var lowest *batch
	for _, b := range slices.Concat(q.inFlight, q.waiting, q.open) {
		if lowest == nil || b.first < lowest.first {
			lowest = b
		}
	}
	return lowest
}

// seal ends the filling of a batch: it waits for a slot in flight, packed.
func (q *queue) seal(b *batch) {
	q.open = slices.DeleteFunc(q.open, func(o *batch) bool { return o == b })
	q.openBytes -= b.open.Bytes()
	b.stream.open = nil
	full := b.open
	b.open = nil
	b.sealed, q.scratch = full.Pack(q.scratch)
	if len(q.free) < maxFree {
		full.Reset()
		q.free = append(q.free, full)
	}
	q.await(b)
}

// maxFree is how many batches are kept to be filled again.
const maxFree = 2

// await puts a batch among those that wait, in the order of their first lines.
func (q *queue) await(b *batch) {
	q.waiting = append(q.waiting, b)
	slices.SortFunc(q.waiting, func(x, y *batch) int { return cmp.Compare(x.first, y.first) })
}

// sealDue seals the open batches whose time has come, or all of them, as long
// as there is a slot for them: a waiting batch may as well grow.
func (q *queue) sealDue(all bool) {
	for _, b := range slices.Clone(q.open) {
		if len(q.inFlight)+len(q.waiting) >= maxInFlight {
			return
		}
		if all || time.Since(b.since) >= q.cfg.BatchWait {
			q.seal(b)
		}
	}
}

// launch sends the waiting batches, the lowest first, while fewer than maxInFlight
// are in flight. keepCursor writes the settled position.
func (q *queue) launch(ctx context.Context, keepCursor func() error) error {
	var err error
	for len(q.waiting) > 0 && len(q.inFlight) < maxInFlight && ctx.Err() == nil {
		b := q.waiting[0]
		if !q.within(b) {
			if len(q.inFlight) > 0 {
				return err
			}
			if lowest := q.unsettled(); lowest != b {
				q.seal(lowest)
				continue
			}
			// Everything that was sent is settled. Once the cursor says so on
			// disk, nothing before b is sent again. Where it cannot be written,
			// lines that are sent twice may be refused the second time: that
			// is no reason to stop.
			if err = keepCursor(); durable.IsFatal(err) {
				return err
			}
			q.spanFrom(b)
		}
		q.waiting = q.waiting[1:]
		q.send(ctx, b)
	}
	return err
}

// within reports whether the batch may be in flight together with the batches
// sent that are not yet behind the cursor on disk, and with those before
// it that were not sent.
func (q *queue) within(b *batch) bool {
	oldest := earliest(q.covered.oldest, b.oldest)
	for _, other := range slices.Concat(q.waiting, q.open) {
		if other.first < b.first {
			oldest = earliest(oldest, other.oldest)
		}
	}
	return latest(q.covered.newest, b.newest).Sub(oldest) <= maxSpan
}

// spanFrom begins the span at the lowest batch that is not settled, nil for
// none: the cursor on disk is there.
func (q *queue) spanFrom(lowest *batch) {
	q.covered.oldest = time.Time{}
	if lowest != nil {
		q.covered.oldest = lowest.oldest
	}
	if lowest == nil || lowest.first > q.sent {
		q.covered.newest = time.Time{}
	}
}

// send starts the delivery of one batch. It ends with its completion.
func (q *queue) send(ctx context.Context, b *batch) {
	q.covered = span{earliest(q.covered.oldest, b.oldest), latest(q.covered.newest, b.newest)}
	q.sent = max(q.sent, b.last)
	q.inFlight = append(q.inFlight, b)
	q.metrics.inFlight.Set(float64(len(q.inFlight)))
	go func() {
		refused, err := q.pusher.Deliver(ctx, b.sealed)
		q.completed <- completion{b, refused, err} // has room for every flight
	}()
}

// settle takes one completion: the lines are accepted or refused for good, or
// wait for another flight.
func (q *queue) settle(done completion) {
	b := done.batch
	q.inFlight = slices.DeleteFunc(q.inFlight, func(f *batch) bool { return f == b })
	q.metrics.inFlight.Set(float64(len(q.inFlight)))
	if done.err != nil {
		q.failed = fmt.Errorf("stream to Loki: %w", done.err)
		q.await(b)
		return
	}
	q.refused(done.refused, b.sealed.Len())
	q.metrics.lines.Add(float64(b.sealed.Len() - len(done.refused)))
	q.metrics.observeEntry(b.newest)
}

// settleCompleted takes the completions that there are.
func (q *queue) settleCompleted() {
	for {
		select {
		case done := <-q.completed:
			q.settle(done)
		default:
			return
		}
	}
}

// drain waits for everything in flight. Its context must be done, or the wait
// may be as long as Loki is unavailable.
func (q *queue) drain() {
	for len(q.inFlight) > 0 {
		q.settle(<-q.completed)
	}
}

// refused counts the lines that Loki will never take.
func (q *queue) refused(refused []lokipush.Refusal, of int) {
	for _, r := range refused {
		q.metrics.refused.WithLabelValues(string(r.Reason)).Inc()
	}
	if len(refused) > 0 {
		q.cfg.Events.Note(fmt.Sprintf("Loki refused %d of %d lines for good; they are in the archive", len(refused), of), refused[0].Err)
	}
}

// attempted counts a push and reports the health of the loop: a failing
// delivery continues for as long as Loki is unavailable. It is called by every flight.
func (q *queue) attempted(a lokipush.Attempt) {
	decision := lokipush.DecisionOf(a.Err)
	q.metrics.pushes.WithLabelValues(string(decision)).Inc()
	q.metrics.pushSeconds.Observe(a.Duration.Seconds())
	switch decision {
	case lokipush.Accepted:
		q.metrics.bytes.Add(float64(a.Bytes))
		q.metrics.lastSuccess.SetToCurrentTime()
		q.cfg.Events.Pass(nil)
	case lokipush.Retry, lokipush.Stop:
		q.cfg.Events.Pass(fmt.Errorf("push to %s: %w", q.cfg.Client.URL(), a.Err))
	}
}

// unaccepted returns how many bytes of the log are in the batches, and the time
// of the oldest entry.
func (q *queue) unaccepted() (bytes int64, oldest time.Time) {
	for _, b := range slices.Concat(q.inFlight, q.waiting, q.open) {
		bytes += b.bytes
		oldest = earliest(oldest, b.oldest)
	}
	return bytes, oldest
}
