package parquet

import (
	"bytes"
	"slices"
)

// memo is what a shared part of an event adds to its columns in one row group:
// the next event with the same part adds the same.
type memo struct {
	group *groupToken // the row group it is for
	parts []memoPart  // of the columns in which the part has something
}

// groupToken stands for one row group: dictionaries do not outlive it.
type groupToken struct{ _ byte }

// memoPart is what was added to one chunk.
type memoPart struct {
	chunk      *chunk
	reps, defs []uint8
	numbers    []int32
}

// replayed adds a part of an event that was added to this row group before. If
// it was not, nothing is added.
func (w *objectWriter) replayed(s *shared) bool {
	if s.segment == nil || s.memo.group != w.token {
		return false
	}
	for i := range s.memo.parts {
		if s.memo.parts[i].chunk.full {
			return false
		}
	}
	for i := range s.memo.parts {
		p := &s.memo.parts[i]
		p.chunk.catchUp(w.group.rows)
		p.chunk.replay(p)
	}
	return true
}

// marks are the lengths of neighbouring chunks before something is added.
type marks struct {
	chunks  []*chunk
	lengths [colObjResource - colUserAgent][3]int
}

// mark makes the chunks of the columns from and up to to ready for the next
// row and notes their lengths.
func (w *objectWriter) mark(from, to column) (m marks) {
	m.chunks = w.chunks[from:to]
	for i, c := range m.chunks {
		c.catchUp(w.group.rows)
		m.lengths[i] = [3]int{len(c.reps), len(c.defs), len(c.numbers)}
	}
	return m
}

// record notes what was added since before.
func (w *objectWriter) record(s *shared, before marks) {
	if s.segment == nil {
		return
	}
	m := &s.memo
	m.group, m.parts = w.token, m.parts[:0]
	for i, c := range before.chunks {
		from := before.lengths[i]
		if len(c.defs) == from[1] {
			continue
		}
		m.parts = append(m.parts, memoPart{
			chunk:   c,
			reps:    bytes.Clone(c.reps[from[0]:]),
			defs:    bytes.Clone(c.defs[from[1]:]),
			numbers: slices.Clone(c.numbers[from[2]:]),
		})
	}
}

// replay adds one row that was recorded.
func (c *chunk) replay(p *memoPart) {
	c.rows++
	c.reps = append(c.reps, p.reps...)
	if len(p.defs) == 1 {
		c.defs = append(c.defs, p.defs[0])
	} else {
		c.defs = append(c.defs, p.defs...)
	}
	if len(p.numbers) == 1 {
		c.numbers = append(c.numbers, p.numbers[0])
	} else {
		c.numbers = append(c.numbers, p.numbers...)
	}
}
