package live

import (
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// batch is a batch of one stream and the part of the log that it is made of,
// from its first line until Loki has taken or refused every one of its lines.
type batch struct {
	open   *lokipush.Batch  // while it is open
	sealed *lokipush.Packed // from then on
	stream *stream

	first, last    int64         // numbers of its first and last line, in the order of reading
	from           ledger.Cursor // the place before its first line
	bytes          int64         // of the log that its lines have, newlines included
	since          time.Time     // when it got its first line
	oldest, newest time.Time     // of its entries
}

// span is the time between two entries.
type span struct{ oldest, newest time.Time }

// spans says how much time the entries would cover with one more.
func (b *batch) spans(at time.Time) time.Duration {
	return latest(b.newest, at).Sub(earliest(b.oldest, at))
}

// take notes a line that was added to the batch.
func (b *batch) take(line rotate.Line, at time.Time, number int64) {
	if b.open.Len() == 1 {
		b.oldest, b.newest = at, at
	}
	b.oldest, b.newest = earliest(b.oldest, at), latest(b.newest, at)
	b.last = number
	b.bytes += line.End - line.Offset
}

// earliest returns the earlier one of two times, of which a zero one does not
// count.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
