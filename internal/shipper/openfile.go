package shipper

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// growing is a segment that is still being written. It is read with pread
// only, and its bytes at opening may be gone: it can be truncated
// from outside at any time.
type growing struct {
	*os.File
	size int64
}

// lookBack is how much is read at once in search of the end of a line.
const lookBack = 64 << 10

// lastLine is where the last complete line ends that belongs into an increment
// of at most max bytes from an offset on: the offset itself if there is
// none. capped says that there is more than fits into one increment. A line that alone is longer than
// an increment may be, NULs aside, waits, with all that follow it, for the whole file.
func (g *growing) lastLine(from, most int64) (end int64, capped bool, err error) {
	limit := g.size
	if limit-from > most {
		limit, capped = from+most, true
	}
	buf := make([]byte, lookBack)
	for end := limit; end > from; {
		start := max(from, end-lookBack)
		part := buf[:end-start]
		if _, err := g.ReadAt(part, start); err != nil {
			return from, false, fmt.Errorf("find the last complete line: %w", err)
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, capped, nil
		}
		end = start
	}
	if capped {
		end, err = g.firstLine(from, most)
		return end, true, err
	}
	return from, false, nil
}

// firstLine is where the line from an offset on ends; the offset itself where it is not
// complete, or has more bytes than that beside NULs: those of a hole are not many to store.
func (g *growing) firstLine(from, most int64) (end int64, err error) {
	buf := make([]byte, lookBack)
	for at := from; at < g.size && most >= 0; at += lookBack {
		part := buf[:min(lookBack, g.size-at)]
		if _, err := g.ReadAt(part, at); err != nil {
			return from, fmt.Errorf("find the end of a line: %w", err)
		}
		line, _, found := bytes.Cut(part, []byte("\n"))
		if most -= int64(len(line) - bytes.Count(line, []byte{0})); found && most >= 0 {
			return at + int64(len(line)) + 1, nil
		}
	}
	return from, nil
}

// day is the length of a UTC day.
const day = 24 * time.Hour

// oneDay is the UTC day on which the lines from an offset on were written, and where those of it
// end: at the end given or before the first line of a later day. The first were written after a
// time. A line without a timestamp, or with one in the future, is of the day of the line before.
func (g *growing) oneDay(from, end int64, after, now time.Time) (of time.Time, to int64, err error) {
	today := now.Truncate(day)
	if of = after.UTC().Truncate(day); after.IsZero() || !of.Before(today) {
		return today, end, nil
	}
	in := bufio.NewReaderSize(io.NewSectionReader(g, from, end-from), lookBack)
	for line, at := from, from; at < end; {
		part, err := in.ReadSlice('\n')
		if at += int64(len(part)); errors.Is(err, bufio.ErrBufferFull) {
			continue // the timestamp is near the end of the line
		}
		if err != nil {
			return of, from, fmt.Errorf("find the lines of a day: %w", err)
		}
		if written := dayOf(part); written.After(of) && !written.After(today) {
			if line > from {
				return of, line, nil
			}
			of = written
		}
		line = at
	}
	return of, end, nil
}

// dayOf is the UTC day of the timestamp in a line, zero if it has none.
func dayOf(line []byte) time.Time {
	const head = `,"stageTimestamp":"` // within strings its quotes would be escaped, and bodies stand before it
	i := bytes.LastIndex(line, []byte(head))
	if i < 0 {
		return time.Time{}
	}
	stamp := line[i+len(head):]
	of, _ := time.Parse(time.DateOnly, string(stamp[:min(len(stamp), len(time.DateOnly))]))
	return of
}

// before identifies the bytes before an offset.
func (g *growing) before(offset int64) (ledger.Mark, error) {
	tail, err := g.tail(offset, min(offset, ledger.MarkSize))
	if err != nil {
		return ledger.Mark{}, err
	}
	return ledger.MarkOf(tail), nil
}

// continues says whether the file still has the archived bytes right before
// the end of its increments.
func (g *growing) continues(open ledger.Increments) (bool, error) {
	if n := int64(open.Before.N); g.size < open.Offset || n < 0 || n > min(open.Offset, ledger.MarkSize) {
		return false, nil
	}
	tail, err := g.tail(open.Offset, int64(open.Before.N))
	if err != nil {
		return false, err
	}
	return len(tail) == 0 || ledger.MarkOf(tail) == open.Before, nil
}

func (g *growing) tail(offset, n int64) ([]byte, error) {
	tail := make([]byte, n)
	if n == 0 {
		return tail, nil
	}
	if _, err := g.ReadAt(tail, offset-n); err != nil {
		return nil, fmt.Errorf("look at the bytes before %d: %w", offset, err)
	}
	return tail, nil
}
