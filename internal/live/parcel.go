package live

import (
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// parcel is a batch of one stream and the part of the log that it is made of,
// from its first line until Loki has taken or refused every one of its lines.
type parcel struct {
	batch  *lokipush.Batch  // while it is open
	sealed *lokipush.Packed // from then on
	stream *stream

	first, last    int64         // numbers of its first and last line, in the order of reading
	from           ledger.Cursor // the place before its first line
	bytes          int64         // of the log that its lines have, newlines included
	since          time.Time     // when it got its first line
	oldest, newest time.Time     // of its entries
}

// spans says how much time the entries would cover with one more.
func (p *parcel) spans(at time.Time) time.Duration {
	return latest(p.newest, at).Sub(earliest(p.oldest, at))
}

// take notes a line that was added to the batch.
func (p *parcel) take(line rotate.Line, at time.Time, number int64) {
	if p.batch.Len() == 1 {
		p.oldest, p.newest = at, at
	}
	p.oldest, p.newest = earliest(p.oldest, at), latest(p.newest, at)
	p.last = number
	p.bytes += line.End - line.Offset
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
