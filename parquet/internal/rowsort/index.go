package rowsort

import (
	"bufio"
	"bytes"
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
	Time   int64  // stage timestamp, µs since 1970; NoTime without one
	Line   uint32 // 1-based
	Size   uint32 // of the line, without its newline
	key    uint32 // number of the sort key in the index
	Part   uint32 // line_part
	Day    int32  // days since 1970
}

// NoTime sorts before every timestamp.
const NoTime = math.MinInt64

const (
	rowRefSize = 40
	// keyOverhead is the cost of one interned key beside its bytes.
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
	runs  runFile
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
	return &Index{limit: lim.Memory, spill: lim.Spill, size: size, keys: NewDictionary(false), runs: runFile{work: work}}
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

// grow makes room for as many rows as the source will have if its lines continue
// as they were up to the offset done: room that is not used would make the
// garbage collector run more often.
func (x *Index) grow(done int64) {
	n := len(x.refs)
	all := float64(n) * float64(x.size) / float64(max(done, 1))
	want := max(int(min(all*1.02, float64(x.limit/rowRefSize))), n+n/4, n+1024)
	x.refs = slices.Grow(x.refs, want-n)
}

// sort puts the rows in memory in order and returns their keys by rank, by which
// the rows are numbered from now on.
func (x *Index) sort() (keys [][]byte) {
	ids := make([]int32, x.keys.Len())
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortFunc(ids, func(a, b int32) int { return bytes.Compare(x.keys.Value(a), x.keys.Value(b)) })
	rank := make([]uint32, len(ids))
	for i, id := range ids {
		rank[id] = uint32(i)
		keys = append(keys, x.keys.Value(id))
	}
	for i := range x.refs {
		x.refs[i].key = rank[x.refs[i].key]
	}
	slices.SortFunc(x.refs, compareRefs)
	return keys
}

// compareRefs orders rows whose keys are numbered by rank.
func compareRefs(a, b Ref) int {
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

// flush writes the index in memory as a sorted run and forgets it.
func (x *Index) flush() error {
	keys := x.sort()
	if err := x.runs.add(func(w *bufio.Writer) error { return writeRefs(w, x.refs, keys) }); err != nil {
		return err
	}
	x.refs = x.refs[:0]
	x.keys.Reset()
	return nil
}

// Sorted returns the rows in order. Nothing may be added any more.
func (x *Index) Sorted() (next func() (Ref, bool, error), err error) {
	if len(x.runs.ends) == 0 {
		x.sort()
		x.keys = nil
		return func() (r Ref, ok bool, err error) {
			if ok = len(x.refs) > 0; ok {
				r, x.refs = x.refs[0], x.refs[1:]
			}
			return r, ok, nil
		}, nil
	}
	if err := x.flush(); err != nil {
		return nil, err
	}
	x.refs, x.keys = nil, nil
	var m merger[*refRun]
	err = x.runs.open(x.limit, func(in *bufio.Reader, _ int64) error { return m.put(&refRun{r: in}) })
	return func() (Ref, bool, error) {
		if len(m) == 0 {
			return Ref{}, false, nil
		}
		r := m[0].head
		return r, true, m.advance()
	}, err
}

// Close frees the runs' file, if there is one.
func (x *Index) Close() error { return x.runs.close() }
