package parquet

// refID names the objectRef of a line. Events with the same one, which is not
// zero, have the same bytes there and the same values in its columns: rows are
// sorted by object, so that very often it is that of the row before.
type refID struct {
	of     *scanner
	number uint64
}

// lastRef is the objectRef that a scanner has seen last.
type lastRef struct {
	id      refID
	segment []byte                           // as it stands in a line; a copy
	spans   [colCode - colObjResource]span   // of the values, in the line where they were found
	texts   [colCode - colObjResource][]byte // the values, in segment
}

// knownRef passes objectRef, if there is one. It is decoded only where it is
// not the last one.
func (s *scanner) knownRef() bool {
	r := &s.ref
	if n := len(r.segment); n > 0 && s.i+n <= len(s.b) && string(s.b[s.i:s.i+n]) == string(r.segment) {
		copy(s.e.text[colObjResource:], r.texts[:])
		s.e.ref = r.id
		s.i += n
		return true
	}
	start, arena := s.i, len(s.e.arena)
	if !s.lit(objectRefHead) {
		return true
	}
	if !s.objectRef() {
		return false
	}
	// What was unescaped is not in the line.
	if len(s.e.arena) == arena && s.i-start <= maxSegment {
		s.remember(start)
	}
	return true
}

// remember keeps the objectRef that starts at start and ends here.
func (s *scanner) remember(start int) {
	r := &s.ref
	r.segment = append(r.segment[:0], s.b[start:s.i]...)
	for i, v := range s.e.text[colObjResource:colCode] {
		if v == nil {
			r.texts[i] = nil
			continue
		}
		from, to := r.spans[i].from-start, r.spans[i].to-start
		r.texts[i] = r.segment[from:to:to]
	}
	r.id = refID{s, r.id.number + 1}
	s.e.ref = r.id
}

// addObjectRef adds the columns of objectRef.
func (w *objectWriter) addObjectRef(e *event) {
	again := e.ref != refID{} && e.ref == w.lastRef
	w.lastRef = e.ref
	for i := colObjResource; i < colCode; i++ {
		v := e.text[i]
		if v == nil {
			continue
		}
		c := w.chunk(i)
		if !again || c.full || c.dict.last < 0 {
			c.bytes(v, 0)
			continue
		}
		c.level(0, c.maxDef)
		c.numbers = append(c.numbers, c.dict.last)
	}
}
