package parquet

import "slices"

// Rows are sorted by object: very often a part of a line stands there as it did
// in the row before. Such a part is decoded once, proven by its bytes, and adds
// to its columns what it added before.

// part is a part of a line that a scanner remembers.
type part int

const (
	refPart    part = iota // objectRef
	statusPart             // responseStatus
	numParts
)

// partID names what stands in one part of a line. Events with the same one,
// which is not zero, have the same bytes there and the same values in its
// columns.
type partID struct {
	of     *scanner
	number uint64
}

// lastPart is what a scanner has seen last of a part.
type lastPart struct {
	id      partID
	segment []byte    // as it stands in a line; a copy
	texts   [8][]byte // the values of its columns; copies
	code    int64     // of responseStatus
	coded   bool
	buf     []byte // segment and texts
}

// partTexts returns the part's text columns in an event.
func (e *event) partTexts(p part) [][]byte {
	if p == refPart {
		return e.text[colObjResource:colCode]
	}
	return e.text[colRespStatus:colRequestObject]
}

// repeated passes a part that is the same as in the line before.
func (s *scanner) repeated(p part) bool {
	l := &s.last[p]
	n := len(l.segment)
	if n == 0 || s.i+n > len(s.b) || string(s.b[s.i:s.i+n]) != string(l.segment) {
		return false
	}
	copy(s.e.partTexts(p), l.texts[:])
	if l.coded {
		s.e.setInt(colCode, l.code)
	}
	s.e.parts[p] = l.id
	s.i += n
	return true
}

// remember keeps a part that starts at start and ends here.
func (s *scanner) remember(p part, start int) {
	if s.i-start > maxSegment {
		return
	}
	l, texts := &s.last[p], s.e.partTexts(p)
	size := s.i - start
	for _, v := range texts {
		size += len(v)
	}
	b := append(slices.Grow(l.buf[:0], size), s.b[start:s.i]...)
	l.segment = b
	for i, v := range texts {
		if l.texts[i] = nil; v != nil {
			from := len(b)
			b = append(b, v...)
			l.texts[i] = b[from:len(b):len(b)]
		}
	}
	l.buf = b
	if p == statusPart {
		l.code, l.coded = s.e.ints[colCode], s.e.given[colCode]
	}
	l.id = partID{s, l.id.number + 1}
	s.e.parts[p] = l.id
}

// knownRef passes objectRef, if there is one.
func (s *scanner) knownRef() bool {
	start := s.i
	if s.repeated(refPart) || !s.lit(objectRefHead) {
		return true
	}
	if !s.objectRef() {
		return false
	}
	s.remember(refPart, start)
	return true
}

// knownStatus passes responseStatus, if there is one.
func (s *scanner) knownStatus() bool {
	start := s.i
	if s.repeated(statusPart) || !s.lit(responseStatusHead) {
		return true
	}
	if !s.responseStatus() {
		return false
	}
	s.remember(statusPart, start)
	return true
}

// addPart adds the columns of a part, from first and up to to.
func (w *objectWriter) addPart(e *event, p part, first, to column) {
	again := e.parts[p] != partID{} && e.parts[p] == w.lastParts[p]
	w.lastParts[p] = e.parts[p]
	for i := first; i < to; i++ {
		v := e.text[i]
		if v == nil {
			continue
		}
		if c := w.chunk(i); again {
			c.again(v)
		} else {
			c.bytes(v, 0)
		}
	}
}

// again adds a value that is that of the row before.
func (c *chunk) again(v []byte) {
	if c.dict == nil || c.full || c.dict.last < 0 {
		c.bytes(v, 0)
		return
	}
	c.level(0, c.maxDef)
	c.numbers = append(c.numbers, c.dict.last)
}
