package auditline

import (
	"bytes"
	"hash/crc32"
)

const (
	// maxShared is how many parts of one kind the scanner remembers, and
	// maxSegment how long one may be in a line.
	maxShared  = 512
	maxSegment = 4 << 10
)

// cache remembers parts of events by how they stand in a line.
type cache[T any] struct {
	parts map[string]known[T]
	last  known[T]    // the part that was got last: very often the next row has it too
	seen  [256]uint32 // checksums of parts that were not there
}

// known is a part and how it stands in a line.
type known[T any] struct {
	segment []byte
	part    T
}

func (c *cache[T]) get(segment []byte) (T, bool) {
	k, ok := c.parts[string(segment)]
	if ok {
		c.last = k
	}
	return k.part, ok
}

// again returns the length of the last part where text begins with it, else 0.
func (c *cache[T]) again(text []byte) int {
	if !bytes.HasPrefix(text, c.last.segment) {
		return 0
	}
	return len(c.last.segment)
}

// worth reports whether a part that was not there should be put: the second
// time that it is seen. Some annotations are of one event only.
func (c *cache[T]) worth(segment []byte) bool {
	sum := crc32.Checksum(segment, crc32.MakeTable(crc32.Castagnoli))
	slot := &c.seen[sum%uint32(len(c.seen))]
	again := *slot == sum
	*slot = sum
	return again
}

// put adds a part. A full cache starts again: what is frequent comes back at
// once.
func (c *cache[T]) put(segment []byte, part T) {
	if c.parts == nil || len(c.parts) >= maxShared {
		c.parts = map[string]known[T]{}
	}
	c.parts[string(segment)] = known[T]{segment, part}
}

// knownActor passes the fields from user to userAgent. Where objectRef follows
// them they are looked up, and decoded only the first time.
func (s *scanner) knownActor() bool {
	if n := s.actors.again(s.b[s.i:]); n > 0 && hasPrefix(s.b[s.i+n:], objectRefHead) {
		s.e.actor = s.actors.last.part
		s.i += n
		return true
	}
	end, ok := findObjectRef(s.b, s.i)
	if !ok || end-s.i > maxSegment {
		return s.actorFields()
	}
	segment := s.b[s.i:end]
	if a, ok := s.actors.get(segment); ok {
		s.e.actor = a
		s.i = end
		return true
	}
	if !s.actorFields() {
		return false
	}
	if s.i == end && s.actors.worth(segment) {
		s.shareActor(bytes.Clone(segment))
	}
	return true
}

// shareActor puts an actor into the cache, if it rebuilds its segment.
func (s *scanner) shareActor(segment []byte) {
	e := &Event{}
	e.Reset()
	part := scanner{b: segment, e: e}
	if !part.actorFields() {
		return
	}
	b := Rebuilder{want: segment, comparing: true}
	if b.actor(e.actor); b.differs || len(b.want) > 0 {
		return
	}
	e.actor.segment = segment
	s.actors.put(segment, e.actor)
}

// knownNotes passes the annotations, which are the last field of a line.
func (s *scanner) knownNotes() bool {
	const head = `,"annotations":`
	if !hasPrefix(s.b[s.i:], head) {
		return true
	}
	end := len(s.b) - 1
	if n := s.notes.again(s.b[s.i:]); n > 0 && s.i+n == end {
		s.e.notes = s.notes.last.part
		s.i = end
		return true
	}
	if end-s.i > maxSegment {
		return s.lit(head) && s.annotations()
	}
	segment := s.b[s.i:end]
	if n, ok := s.notes.get(segment); ok {
		s.e.notes = n
		s.i = end
		return true
	}
	if !s.lit(head) || !s.annotations() {
		return false
	}
	if s.i == end && s.notes.worth(segment) {
		s.shareNotes(bytes.Clone(segment))
	}
	return true
}

// shareNotes puts annotations into the cache, if they rebuild their segment.
func (s *scanner) shareNotes(segment []byte) {
	e := &Event{}
	e.Reset()
	part := scanner{b: segment, e: e}
	if !part.lit(`,"annotations":`) || !part.annotations() {
		return
	}
	b := Rebuilder{want: segment, comparing: true}
	if b.notes(e.notes); b.differs || len(b.want) > 0 {
		return
	}
	e.notes.segment = segment
	s.notes.put(segment, e.notes)
}
