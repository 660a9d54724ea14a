package lokipush

import (
	"regexp"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// oldestWords is how Loki says from when on it takes entries, both with the limit of their age
// (pkg/validation) and with the window of a stream (pkg/chunkenc: ErrTooFarBehind).
var oldestWords = regexp.MustCompile(`oldest acceptable timestamp is: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))`)

// oldestAccepted reads from the answer that refuses an entry for its age from when on Loki takes
// entries, in whole seconds and never later than it is; zero where it does not say. The window of a
// stream only ever moves on, so older entries are refused without a push.
func oldestAccepted(reason Reason, body string) time.Time {
	if reason != ReasonTooOld && reason != ReasonTooFarBehind {
		return time.Time{}
	}
	found := oldestWords.FindStringSubmatch(body)
	if found == nil {
		return time.Time{}
	}
	at, _ := time.Parse(time.RFC3339, found[1]) // zero if it is no time
	return at.UTC()
}

// since returns the entries that are not older than oldest, and their indices; with none older the
// batch itself.
func (b *Batch) since(oldest time.Time) (*Batch, []int) {
	var kept []int
	for i := range b.ends {
		if !b.timestamp(i).Before(oldest) {
			kept = append(kept, i)
		}
	}
	if len(kept) == len(b.ends) {
		return b, kept
	}
	part := b.Slice(0, 0)
	for _, i := range kept {
		part.buf = append(part.buf, b.buf[b.start(i):b.ends[i]]...)
		part.ends = append(part.ends, len(part.buf))
	}
	return part, kept
}

// timestamp reads the timestamp of an entry back.
func (b *Batch) timestamp(i int) time.Time {
	encoded := b.buf[b.start(i):b.ends[i]]
	entry, _ := protowire.ConsumeBytes(encoded[protowire.SizeTag(streamEntries):])
	stamp, _ := protowire.ConsumeBytes(entry[protowire.SizeTag(entryTimestamp):])
	var seconds, nanos uint64
	for len(stamp) > 0 {
		field, _, n := protowire.ConsumeTag(stamp)
		value, m := protowire.ConsumeVarint(stamp[n:])
		if field == timestampSeconds {
			seconds = value
		} else {
			nanos = value
		}
		stamp = stamp[n+m:]
	}
	return time.Unix(int64(seconds), int64(nanos))
}
