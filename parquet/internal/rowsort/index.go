package rowsort

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Ref says where in the source the bytes of one row are, and where in the
// object the row belongs.
type Ref struct {
	Offset int64  // of the line's first byte, in the source
	Time   int64  // stage timestamp, µs since 1970; noTime where there is none
	Line   uint32 // 1-based
	Size   uint32 // of the line, without its newline
	key    uint32 // number of the sort key in the index
	Part   uint32 // line_part
	Day    int32  // days since 1970
	Sum    uint32 // of the sort key, where it comes from a glance; else 0
}

// NoTime sorts before every timestamp.
const NoTime = math.MinInt64

const (
	rowRefSize = 40
	// keyOverhead is what one interned key costs beside its bytes.
	keyOverhead = 32
)

// ErrTooMany says that the order of the lines takes far more space than they do.
var ErrTooMany = errors.New("too many short lines")

// Index collects the rows of a source and gives them back in the order in
// which they are stored: by day, resource, namespace, name, time, line, part.
// It keeps at most limit bytes in memory; beyond that, sorted runs go to a
// file, which may take spill bytes more than the source as far as it was read.
type Index struct {
	limit int
	spill int64
	size  int64 // of the source
	refs  []Ref
	keys  *Dictionary
	runs  *runFile // nil until the limit was reached
	work  string
}

// Limits bounds an index.
type Limits struct {
	Memory int   // bytes before it spills
	Spill  int64 // bytes on disk, beside one for each of the source
}

// DefaultLimits are good for audit logs.
func DefaultLimits() Limits { return Limits{Memory: 8 << 20, Spill: 512 << 20} }

// NewIndex returns an index for a source of size bytes.
func NewIndex(work string, lim Limits, size int64) *Index {
	return &Index{limit: lim.Memory, spill: lim.Spill, size: size, keys: NewDictionary(false), work: work}
}

// Add takes one row. The key is copied.
func (x *Index) Add(r Ref, key []byte) error {
	used := len(x.refs)*rowRefSize + len(x.keys.Bytes()) + x.keys.Len()*keyOverhead
	if used >= x.limit || len(x.refs) == cap(x.refs) && 2*used >= x.limit {
		if err := x.flush(); err != nil {
			return err
		}
		if have := x.runs.size(); have > r.Offset+x.spill {
			return fmt.Errorf("sort the %d lines before byte %d: %w (%d bytes for their order)", r.Line-1, r.Offset, ErrTooMany, have)
		}
	}
	if len(x.refs) == cap(x.refs) {
		x.grow(r.Offset)
	}
	r.key = uint32(x.keys.Number(key))
	x.refs = append(x.refs, r)
	return nil
}

// grow makes room for as many rows as the source will have if its lines go on
// as they were up to the offset done: room that is not used would make the
// garbage collector run more often.
func (x *Index) grow(done int64) {
	n := len(x.refs)
	all := float64(n) * float64(x.size) / float64(max(done, 1))
	want := max(int(min(all*1.02, float64(x.limit/rowRefSize))), n+n/4, n+1024)
	x.refs = slices.Grow(x.refs, want-n)
}

// sort returns the rows in memory in order, and their keys by rank, by which
// the rows are numbered from now on.
func (x *Index) sort() (order []uint32, keys [][]byte) {
	keys = x.rankKeys()
	// The rows come in the order of their lines. Counting puts them in the
	// order of their keys and keeps that of their lines, which is nearly that
	// of their times.
	starts := make([]uint32, len(keys)+1)
	oneDay := true
	for i := range x.refs {
		starts[x.refs[i].key+1]++
		oneDay = oneDay && x.refs[i].Day == x.refs[0].Day
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	order = make([]uint32, len(x.refs))
	next := slices.Clone(starts)
	for i := range x.refs {
		k := x.refs[i].key
		order[next[k]] = uint32(i)
		next[k]++
	}
	compare := func(a, b uint32) int { return compareRefs(&x.refs[a], &x.refs[b]) }
	if !oneDay {
		slices.SortFunc(order, compare)
		return order, keys
	}
	for k := range keys {
		x.sortNearly(order[starts[k]:starts[k+1]], compare)
	}
	return order, keys
}

// sortNearly sorts rows of one key, which are out of order by few places
// because times run backwards by little.
func (x *Index) sortNearly(rows []uint32, compare func(a, b uint32) int) {
	moves := 4*len(rows) + 64
	for i := 1; i < len(rows); i++ {
		r := rows[i]
		j := i
		for ; j > 0 && compare(rows[j-1], r) > 0; j-- {
			rows[j] = rows[j-1]
			moves--
		}
		rows[j] = r
		if moves < 0 {
			slices.SortFunc(rows, compare)
			return
		}
	}
}

// rankKeys returns the keys in order and numbers the rows' keys by rank.
func (x *Index) rankKeys() [][]byte {
	ranked := make([]rankedKey, x.keys.Len())
	for i := range ranked {
		ranked[i].id = uint32(i)
	}
	sortKeys(x.keys, ranked, 0)
	rank := make([]uint32, len(ranked))
	sorted := make([][]byte, len(ranked))
	for i, k := range ranked {
		rank[k.id] = uint32(i)
		sorted[i] = x.keys.Value(int32(k.id))
	}
	for i := range x.refs {
		x.refs[i].key = rank[x.refs[i].key]
	}
	return sorted
}

// compareRefs orders rows whose keys are numbered by rank.
func compareRefs(a, b *Ref) int {
	switch {
	case a.Day != b.Day:
		return cmp.Compare(a.Day, b.Day)
	case a.key != b.key:
		return cmp.Compare(a.key, b.key)
	case a.Time != b.Time:
		return cmp.Compare(a.Time, b.Time)
	case a.Line != b.Line:
		return cmp.Compare(a.Line, b.Line)
	default:
		return cmp.Compare(a.Part, b.Part)
	}
}

// flush writes what is in memory as a sorted run and forgets it.
func (x *Index) flush() error {
	if x.runs == nil {
		f, err := newRunFile(x.work, x.limit)
		if err != nil {
			return err
		}
		x.runs = f
	}
	order, keys := x.sort()
	if err := x.runs.write(x.refs, order, keys); err != nil {
		return err
	}
	x.refs = x.refs[:0]
	x.keys.Reset()
	return nil
}

// Sorted returns the rows in order. Nothing may be added any more.
func (x *Index) Sorted() (func() (Ref, bool, error), error) {
	if x.runs == nil {
		order, _ := x.sort()
		x.keys = nil
		f := feed{refs: x.refs, order: order}
		return f.next, nil
	}
	if err := x.flush(); err != nil {
		return nil, err
	}
	x.refs, x.keys = nil, nil
	m, err := x.runs.merge()
	if err != nil {
		return nil, err
	}
	return m.next, nil
}

// feed gives rows in the order of their numbers. It takes several at a time:
// they lie anywhere in memory, and the processor waits for them together.
type feed struct {
	refs  []Ref
	order []uint32 // numbers of the rows to come
	rows  [64]Ref
	ready []Ref // of rows
}

// next returns the next row; false after the last. It never fails.
func (f *feed) next() (Ref, bool, error) {
	if len(f.ready) == 0 {
		n := min(len(f.order), len(f.rows))
		if n == 0 {
			return Ref{}, false, nil
		}
		for i, number := range f.order[:n] {
			f.rows[i] = f.refs[number]
		}
		f.order, f.ready = f.order[n:], f.rows[:n]
	}
	r := f.ready[0]
	f.ready = f.ready[1:]
	return r, true, nil
}

// Close frees the runs' file, if there is one.
func (x *Index) Close() error {
	if x.runs == nil {
		return nil
	}
	return x.runs.close()
}
