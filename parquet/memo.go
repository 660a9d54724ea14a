package parquet

// memo is what a shared part of an event adds to its columns in one row group:
// the next event with the same part adds the same.
type memo struct {
	group *groupToken // the row group it is for
	parts []memoPart  // by chunk
}

// groupToken stands for one row group: dictionaries do not outlive it.
type groupToken struct{ _ byte }

// memoPart is what was added to one chunk.
type memoPart struct {
	reps, defs []uint8
	numbers    []int32
}

// replayed adds a part of an event that was added to this row group before. If
// it was not, nothing is added.
func (w *objectWriter) replayed(s *shared, chunks []*chunk) bool {
	if s.segment == nil || s.memo.group != w.token || anyFull(chunks) {
		return false
	}
	for i, c := range chunks {
		c.replay(&s.memo.parts[i])
	}
	return true
}

func anyFull(chunks []*chunk) bool {
	for _, c := range chunks {
		if c.full {
			return true
		}
	}
	return false
}

// marks are the lengths of chunks before something is added.
type marks [numColumns][3]int

func mark(chunks []*chunk) (m marks) {
	for i, c := range chunks {
		m[i] = [3]int{len(c.reps), len(c.defs), len(c.numbers)}
	}
	return m
}

// record notes what was added to chunks since before.
func (w *objectWriter) record(s *shared, chunks []*chunk, before *marks) {
	if s.segment == nil {
		return
	}
	m := &s.memo
	if m.parts == nil {
		m.parts = make([]memoPart, len(chunks))
	}
	for i, c := range chunks {
		p, from := &m.parts[i], before[i]
		p.reps = append(p.reps[:0], c.reps[from[0]:]...)
		p.defs = append(p.defs[:0], c.defs[from[1]:]...)
		p.numbers = append(p.numbers[:0], c.numbers[from[2]:]...)
	}
	m.group = w.token
}

// replay adds one row that was recorded.
func (c *chunk) replay(p *memoPart) {
	c.rows++
	if len(p.defs) == 1 {
		c.defs = append(c.defs, p.defs[0])
	} else {
		c.defs = append(c.defs, p.defs...)
	}
	if c.maxRep > 0 {
		c.reps = append(c.reps, p.reps...)
	}
	switch len(p.numbers) {
	case 0:
	case 1:
		c.numbers = append(c.numbers, p.numbers[0])
	default:
		c.numbers = append(c.numbers, p.numbers...)
	}
}
