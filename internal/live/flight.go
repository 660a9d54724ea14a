package live

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

const (
	// maxInFlight is the number of pushes under way at once. One is enough
	// for a log that grows at 2,000 lines a second; after an outage, or with a
	// distant Loki, more hide the time that each answer takes.
	maxInFlight = 4
	// maxSpan is the time that the entries may cover which are sent and would
	// be sent again after a crash. Loki refuses what is more than an hour
	// older than the newest entry of its stream (half of its max_chunk_age),
	// so a push that overtakes another, or one sent again, must stay within.
	maxSpan = 30 * time.Minute
)

// landing is the end of one flight.
type landing struct {
	parcel  *parcel
	refused []lokipush.Refusal
	err     error // not accepted: the flight was cancelled
}

// seal ends the filling of a parcel: it waits for a place in flight, packed.
func (l *Live) seal(p *parcel) {
	l.open = slices.DeleteFunc(l.open, func(o *parcel) bool { return o == p })
	l.openBytes -= p.batch.Bytes()
	p.stream.open = nil
	full := p.batch
	p.batch = nil
	p.sealed, l.scratch = full.Pack(l.scratch)
	if len(l.free) < maxFree {
		full.Reset()
		l.free = append(l.free, full)
	}
	l.await(p)
}

// maxFree is how many batches are kept to be filled again.
const maxFree = 2

// await puts a parcel among those that wait, in the order of their first lines.
func (l *Live) await(p *parcel) {
	l.waiting = append(l.waiting, p)
	slices.SortFunc(l.waiting, func(a, b *parcel) int { return cmp.Compare(a.first, b.first) })
}

// sealDue seals the open parcels whose time has come, or all of them, as long
// as there is a place for them: what has to wait may as well grow.
func (l *Live) sealDue(all bool) {
	for _, p := range slices.Clone(l.open) {
		if len(l.flying)+len(l.waiting) >= maxInFlight {
			return
		}
		if all || time.Since(p.since) >= l.cfg.BatchWait {
			l.seal(p)
		}
	}
}

// launch sends what is waiting, the lowest first, while there are places in
// flight.
func (l *Live) launch(ctx context.Context) error {
	var err error
	for len(l.waiting) > 0 && len(l.flying) < maxInFlight && ctx.Err() == nil {
		p := l.waiting[0]
		if !l.within(p) {
			if len(l.flying) > 0 {
				return err
			}
			if lowest := l.unsettled(); lowest != p {
				l.seal(lowest)
				continue
			}
			// Everything that was sent is settled. Once the cursor says so on
			// disk, nothing before p is sent again. Where it cannot be written,
			// lines that are sent twice may be refused the second time: that
			// is no reason to stop.
			if err = l.keepCursor(true); durable.IsFatal(err) {
				return err
			}
			l.spanFrom(p)
		}
		l.waiting = l.waiting[1:]
		l.fly(ctx, p)
	}
	return err
}

// within reports whether the parcel may be in flight together with what was
// sent and is not yet behind the cursor on disk, and with what stands before
// it and was not sent.
func (l *Live) within(p *parcel) bool {
	oldest := earliest(l.spanOldest, p.oldest)
	for _, parcels := range [][]*parcel{l.waiting, l.open} {
		for _, other := range parcels {
			if other.first < p.first {
				oldest = earliest(oldest, other.oldest)
			}
		}
	}
	return latest(l.spanNewest, p.newest).Sub(oldest) <= maxSpan
}

// spanFrom begins the span at the lowest parcel that is not settled, nil for
// none: the cursor on disk is there.
func (l *Live) spanFrom(lowest *parcel) {
	l.spanOldest = time.Time{}
	if lowest != nil {
		l.spanOldest = lowest.oldest
	}
	if lowest == nil || lowest.first > l.sent {
		l.spanNewest = time.Time{}
	}
}

// fly starts the delivery of one parcel. It ends with its landing.
func (l *Live) fly(ctx context.Context, p *parcel) {
	l.spanOldest, l.spanNewest = earliest(l.spanOldest, p.oldest), latest(l.spanNewest, p.newest)
	l.sent = max(l.sent, p.last)
	l.flying = append(l.flying, p)
	l.metrics.inFlight.Set(float64(len(l.flying)))
	go func() {
		refused, err := l.pusher.Deliver(ctx, p.sealed)
		l.landed <- landing{p, refused, err} // has room for every flight
	}()
}

// settle takes one landing: the lines are accepted or refused for good, or
// wait for another flight.
func (l *Live) settle(done landing) {
	p := done.parcel
	l.flying = slices.DeleteFunc(l.flying, func(f *parcel) bool { return f == p })
	l.metrics.inFlight.Set(float64(len(l.flying)))
	if done.err != nil {
		l.failed = fmt.Errorf("stream to Loki: %w", done.err)
		l.await(p)
		return
	}
	l.refused(done.refused, p.sealed.Len())
	l.metrics.lines.Add(float64(p.sealed.Len() - len(done.refused)))
	l.metrics.observeEntry(p.newest)
}

// settleLanded takes the landings that there are.
func (l *Live) settleLanded() {
	for {
		select {
		case done := <-l.landed:
			l.settle(done)
		default:
			return
		}
	}
}

// land waits for everything in flight. Its context must be done, or the wait
// may be as long as Loki is away.
func (l *Live) land() {
	for len(l.flying) > 0 {
		l.settle(<-l.landed)
	}
}

// refused counts the lines that Loki will never take.
func (l *Live) refused(refused []lokipush.Refusal, of int) {
	for _, r := range refused {
		l.metrics.refused.WithLabelValues(string(r.Reason)).Inc()
	}
	if len(refused) > 0 {
		l.cfg.Note(fmt.Sprintf("Loki refused %d of %d lines for good; they are in the archive", len(refused), of), refused[0].Err)
	}
}
