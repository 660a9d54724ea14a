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

// addShared adds a part of an event to its chunks, by add unless the part is
// shared and was added to this row group before.
func (w *objectWriter) addShared(s *shared, chunks []*chunk, add func()) {
	switch {
	case s.segment == nil:
		add()
	case s.memo.group == w.token && !anyFull(chunks):
		for i, c := range chunks {
			c.replay(&s.memo.parts[i])
		}
	default:
		w.record(&s.memo, chunks, add)
	}
}

func anyFull(chunks []*chunk) bool {
	for _, c := range chunks {
		if c.full {
			return true
		}
	}
	return false
}

// record notes what add adds to chunks.
func (w *objectWriter) record(m *memo, chunks []*chunk, add func()) {
	if m.parts == nil {
		m.parts = make([]memoPart, len(chunks))
	}
	var before [numColumns][3]int
	for i, c := range chunks {
		before[i] = [3]int{len(c.reps), len(c.defs), len(c.numbers)}
	}
	add()
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
