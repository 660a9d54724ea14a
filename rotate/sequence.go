package rotate

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// index returns where the segment with this ID is listed, or -1.
func index(segments []Segment, id string) int {
	return slices.IndexFunc(segments, func(s Segment) bool { return s.ID == id })
}

// list lists the source and keeps the listing.
func (r *Reader) list() error {
	segments, err := r.src.Held()
	if err != nil {
		return fmt.Errorf("list the log: %w", err)
	}
	r.listing = segments
	return nil
}

// locate returns the segment at the position, which it sets to the start of the
// first unread one where it must choose. It returns io.EOF without one, and
// *GoneError if the segment at the position is not listed. It goes by the kept
// listing, if there is one.
func (r *Reader) locate() (Segment, error) {
	if r.listing == nil {
		if err := r.list(); err != nil {
			return Segment{}, err
		}
	}
	if r.choose {
		s, ok := r.firstUnread()
		if !ok {
			r.listing = nil
			return Segment{}, io.EOF
		}
		r.cur, r.pos, r.choose = s, Position{Segment: s.ID}, false
		return s, nil
	}
	i := index(r.listing, r.pos.Segment)
	first := !r.located
	r.located = true
	if i < 0 {
		r.choose, r.listing = true, nil
		return Segment{}, &GoneError{Position: r.pos}
	}
	if first {
		for _, s := range r.listing[:i] {
			r.seen[s.ID] = true
		}
	}
	return r.listing[i], nil
}

// atEnd interprets the end of the open file. nil: read on, in this file
// or in the next. io.EOF: there is nothing more now.
func (r *Reader) atEnd() error {
	if r.final {
		return r.advance()
	}
	if err := r.list(); err != nil {
		return err
	}
	if i := index(r.listing, r.cur.ID); i >= 0 {
		r.cur = r.listing[i]
		r.final = r.cur.Finished
	} else {
		// A file that left the listing is complete once something comes after
		// it; until then its writer may still have it open.
		_, r.final = r.firstUnread()
	}
	if r.final {
		// Bytes may have come between the last read and the listing.
		return nil
	}
	return cmp.Or(r.truncated(), io.EOF)
}

// advance leaves the current segment, which was read to its end, for the next
// one. It returns io.EOF without one.
func (r *Reader) advance() error {
	if err := r.truncated(); err != nil {
		return err
	}
	// A finished segment of an old listing still comes next. An open
	// file is not: it may have been rotated, and others after it.
	next, more := r.firstUnread()
	if !more || !next.Finished {
		if err := r.list(); err != nil {
			return err
		}
		maps.DeleteFunc(r.seen, func(id string, _ bool) bool { return index(r.listing, id) < 0 })
		next, more = r.firstUnread()
	}
	if !more {
		return io.EOF
	}
	r.seen[r.cur.ID] = true
	r.cur, r.pos, r.choose = next, Position{Segment: next.ID}, false
	return r.closeInput()
}

// firstUnread returns the first listed segment that was not read and is not the
// one being read; ok is false without one. It may stand before that one:
// after the clock was set back, new backups are listed before old ones.
func (r *Reader) firstUnread() (s Segment, ok bool) {
	i := slices.IndexFunc(r.listing, func(s Segment) bool { return !r.seen[s.ID] && (r.in == nil || s.ID != r.cur.ID) })
	if i < 0 {
		return Segment{}, false
	}
	return r.listing[i], true
}

// unread returns the listed segments that were not read to their end.
func (r *Reader) unread(segments []Segment) []Segment {
	if i := index(segments, r.pos.Segment); !r.located && i >= 0 {
		return segments[i:]
	}
	return slices.DeleteFunc(slices.Clone(segments), func(s Segment) bool { return r.seen[s.ID] })
}
