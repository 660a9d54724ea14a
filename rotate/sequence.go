package rotate

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// seen are the listed segments that were read, or were passed over by the
// position a Reader was given.
type seen struct {
	// names says that an ID alone does not tell segments apart: in a Log the
	// inode number of a pruned backup comes back with another file.
	names bool
	keys  map[seenKey]struct{}
}

type seenKey struct{ id, name string }

func (s seen) key(g Segment) seenKey {
	if s.names {
		return seenKey{g.ID, g.Name}
	}
	return seenKey{id: g.ID}
}

func (s seen) add(segments ...Segment) {
	for _, g := range segments {
		s.keys[s.key(g)] = struct{}{}
	}
}

func (s seen) has(g Segment) bool {
	_, ok := s.keys[s.key(g)]
	return ok
}

// hasName reports whether a segment of this name was read under any ID.
func (s seen) hasName(name string) bool {
	for k := range s.keys {
		if k.name == name {
			return true
		}
	}
	return false
}

// prune forgets what is not listed any more. A backup's name is kept as long as
// the name is listed: with another ID it is the same backup, compressed.
func (s seen) prune(listed []Segment) {
	names := make(map[string]bool)
	keys := make(map[seenKey]struct{}, len(listed))
	for _, g := range listed {
		keys[s.key(g)] = struct{}{}
		if s.names && g.Finished {
			names[g.Name] = true
		}
	}
	for k := range s.keys {
		if _, ok := keys[k]; !ok && !names[k.name] {
			delete(s.keys, k)
		}
	}
}

// index returns where the segment with this ID is listed, or -1.
func index(segments []Segment, id string) int {
	return slices.IndexFunc(segments, func(s Segment) bool { return s.ID == id })
}

// list lists the source and keeps the listing.
func (r *Reader) list() error {
	segments, err := r.src.Segments()
	if err != nil {
		return fmt.Errorf("list the log: %w", err)
	}
	r.listing = segments
	return nil
}

// locate returns the segment at the position, which it sets to the start of the
// first unread one where it must choose. It returns io.EOF if there is none and
// *GoneError if the segment at the position is not listed. It goes by the kept
// listing, if there is one.
func (r *Reader) locate() (Segment, error) {
	if r.listing == nil {
		if err := r.list(); err != nil {
			return Segment{}, err
		}
	}
	if r.choose {
		s, ok, err := r.firstUnread(r.listing)
		if err == nil && !ok {
			err = io.EOF
		}
		if err != nil {
			r.listing = nil
			return Segment{}, err
		}
		r.cur, r.pos, r.choose = s, Position{Segment: s.ID}, false
		return s, nil
	}
	i := r.current(r.listing)
	first := !r.located
	r.located = true
	if i < 0 {
		r.choose, r.listing = true, nil
		return Segment{}, &GoneError{Position: r.pos}
	}
	if first {
		r.seen.add(r.listing[:i]...)
	}
	r.pos.Segment = r.listing[i].ID
	return r.listing[i], nil
}

// current returns where the segment at the position is listed, or -1. In a Log
// the name of a backup is what tells: it may have another ID since, compressed,
// and its old ID may have gone to another file.
func (r *Reader) current(segments []Segment) int {
	if r.seen.names && r.cur.ID == r.pos.Segment && r.cur.Finished {
		return slices.IndexFunc(segments, func(s Segment) bool { return s.Name == r.cur.Name })
	}
	return index(segments, r.pos.Segment)
}

// atEnd decides what the end of the open file means. nil: read on, in this file
// or in the next. io.EOF: there is nothing more now. It lists the source unless
// the open file of a Log is still the one at its path.
func (r *Reader) atEnd() error {
	if r.final {
		return r.advance()
	}
	if r.openPath != "" && r.cur.Path == r.openPath && isAt(r.cur, r.openPath) {
		return cmp.Or(r.truncated(), io.EOF) // not rotated, which is learned without a listing
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
		_, more, err := r.firstUnread(r.listing)
		if err != nil {
			return err
		}
		r.final = more
	}
	if r.final {
		// Bytes may have come between the last read and the listing.
		return nil
	}
	return cmp.Or(r.truncated(), io.EOF)
}

// advance leaves the current segment, which was read to its end, for the next
// one. It returns io.EOF if there is none yet.
func (r *Reader) advance() error {
	if err := r.truncated(); err != nil {
		return err
	}
	// A finished segment of an old listing is still what comes next. An open
	// file is not: it may have been rotated, and others after it.
	next, more, err := r.firstUnread(r.listing)
	if err != nil || !more || !next.Finished {
		if err := r.list(); err != nil {
			return err
		}
		next, more, err = r.firstUnread(r.listing)
	}
	if err != nil {
		return err
	}
	if !more {
		return io.EOF
	}
	r.seen.add(r.cur)
	r.seen.prune(r.listing)
	r.cur, r.pos, r.choose = next, Position{Segment: next.ID}, false
	return r.closeInput()
}

// isAt reports whether the segment's file is the one at a path.
func isAt(s Segment, path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	device, inode := FileID(info)
	return inode == s.Inode && device == s.Device
}

// firstUnread returns the first listed segment that was not read and is not the
// one being read. It may stand before that one: after the clock was set back,
// new backups are listed before old ones.
func (r *Reader) firstUnread(segments []Segment) (Segment, bool, error) {
	for _, s := range segments {
		if r.seen.has(s) || (r.in != nil && s.ID == r.cur.ID) {
			continue
		}
		again, err := r.packedAgain(s, segments)
		if err != nil {
			return Segment{}, false, err
		}
		if !again {
			return s, true, nil
		}
		r.seen.add(s)
	}
	return Segment{}, false, nil
}

// packedAgain reports whether s is the compressed form of a segment that was
// read, or is being read, as a plain file. Only a Log lists it under a new ID.
func (r *Reader) packedAgain(s Segment, segments []Segment) (bool, error) {
	if !s.Gzip || !r.seen.names {
		return false, nil
	}
	if r.seen.hasName(s.Name) {
		return true, nil
	}
	if r.in == nil || r.in.packed || index(segments, r.cur.ID) >= 0 {
		return false, nil
	}
	if !r.cur.Rotated.IsZero() {
		return r.cur.Name == s.Name, nil
	}
	// The file being read was rotated, compressed and removed since the last
	// listing. Its content tells it from files that were never read.
	head, err := io.ReadAll(io.NewSectionReader(r.in.file, 0, headCompared))
	if err != nil || len(head) == 0 {
		return false, err
	}
	return packedMatch(head, s.Path)
}

// headCompared is how many bytes tell a file from others.
const headCompared = 1024

// packedMatch reports whether the content of the gzip file at path begins with
// head. A damaged file does not; reading it reports the damage.
func packedMatch(head []byte, path string) (bool, error) {
	u, err := Open(path, true)
	if err != nil {
		if _, ok := errors.AsType[*damage](err); ok {
			return false, nil
		}
		return false, err
	}
	begin := make([]byte, len(head))
	n, err := io.ReadFull(u, begin)
	if _, ok := errors.AsType[*damage](err); err != nil && !ok && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, errors.Join(fmt.Errorf("compare a compressed backup: %w", err), u.Close())
	}
	return bytes.Equal(begin[:n], head), u.Close()
}

// unread returns the listed segments that were not read to their end.
func (r *Reader) unread(segments []Segment) []Segment {
	if i := index(segments, r.pos.Segment); !r.located && i >= 0 {
		return segments[i:]
	}
	return slices.DeleteFunc(slices.Clone(segments), r.seen.has)
}
