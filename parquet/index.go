package parquet

import (
	"cmp"
	"math"
	"slices"
)

// rowRef says where in the source the bytes of one row are, and where in the
// object the row belongs.
type rowRef struct {
	offset int64  // of the line's first byte, in the source
	line   int64  // 1-based
	time   int64  // stage timestamp, µs since 1970; noTime where there is none
	size   uint32 // of the line, without its newline
	key    uint32 // number of the sort key in the index
	part   uint32 // line_part
	day    int32  // days since 1970
}

// noTime sorts before every timestamp.
const noTime = math.MinInt64

const (
	rowRefSize = 40
	// keyOverhead is what one interned key costs beside its bytes.
	keyOverhead = 64
)

// index collects the rows of a source and gives them back in the order in
// which they are stored: by day, resource, namespace, name, time, line, part.
// It keeps at most limit bytes in memory; beyond that, sorted runs go to a
// file.
type index struct {
	limit int
	refs  []rowRef
	keys  []string          // interned
	ids   map[string]uint32 // of keys
	used  int               // bytes of keys with their overhead
	runs  *runFile          // nil until the limit was reached
	work  string
}

func newIndex(work string, limit int) *index {
	return &index{limit: limit, ids: map[string]uint32{}, work: work}
}

// add takes one row. The key is copied.
func (x *index) add(r rowRef, key []byte) error {
	if len(x.refs)*rowRefSize+x.used >= x.limit {
		if err := x.spill(); err != nil {
			return err
		}
	}
	id, ok := x.ids[string(key)]
	if !ok {
		id = uint32(len(x.keys))
		k := string(key)
		x.keys = append(x.keys, k)
		x.ids[k] = id
		x.used += len(k) + keyOverhead
	}
	r.key = id
	x.refs = append(x.refs, r)
	return nil
}

// sort puts the rows in memory in order, and numbers their keys by rank.
func (x *index) sort() {
	order := make([]uint32, len(x.keys))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(x.keys[a], x.keys[b]) })
	rank := make([]uint32, len(order))
	sorted := make([]string, len(order))
	for i, id := range order {
		rank[id] = uint32(i)
		sorted[i] = x.keys[id]
	}
	for i := range x.refs {
		x.refs[i].key = rank[x.refs[i].key]
	}
	x.keys = sorted
	slices.SortFunc(x.refs, compareRefs)
}

// compareRefs orders rows whose keys are numbered by rank.
func compareRefs(a, b rowRef) int {
	switch {
	case a.day != b.day:
		return cmp.Compare(a.day, b.day)
	case a.key != b.key:
		return cmp.Compare(a.key, b.key)
	case a.time != b.time:
		return cmp.Compare(a.time, b.time)
	case a.line != b.line:
		return cmp.Compare(a.line, b.line)
	default:
		return cmp.Compare(a.part, b.part)
	}
}

// spill writes what is in memory as a sorted run and forgets it.
func (x *index) spill() error {
	if x.runs == nil {
		f, err := newRunFile(x.work)
		if err != nil {
			return err
		}
		x.runs = f
	}
	x.sort()
	if err := x.runs.write(x.refs, x.keys); err != nil {
		return err
	}
	x.refs = x.refs[:0]
	x.keys = x.keys[:0]
	clear(x.ids)
	x.used = 0
	return nil
}

// sorted returns the rows in order. Nothing may be added any more.
func (x *index) sorted() (func() (rowRef, bool, error), error) {
	if x.runs == nil {
		x.sort()
		refs := x.refs
		return func() (rowRef, bool, error) {
			if len(refs) == 0 {
				return rowRef{}, false, nil
			}
			r := refs[0]
			refs = refs[1:]
			return r, true, nil
		}, nil
	}
	if err := x.spill(); err != nil {
		return nil, err
	}
	x.refs, x.keys, x.ids = nil, nil, nil
	m, err := x.runs.merge()
	if err != nil {
		return nil, err
	}
	return m.next, nil
}

// close frees the runs' file, if there is one.
func (x *index) close() error {
	if x.runs == nil {
		return nil
	}
	return x.runs.close()
}
