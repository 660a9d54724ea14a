package rowsort

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

const (
	// fetchLines is how many bytes of lines are read ahead of their turn, and
	// fetchMemory the size of the buffer for them and for the gaps between them.
	fetchLines  = 1 << 20
	fetchMemory = 2 << 20
	// fetchRows bounds the rows that are read ahead: a power of two.
	fetchRows = 1 << 12
	// fetchGap is how many bytes between two lines are read with them rather
	// than to read twice.
	fetchGap = 4 << 10
)

// Fetcher reads the lines of rows ahead of their turn: many at a time, in the
// order in which they stand in the source, and neighbours at once. One read for
// each line, here and there in the source, took a fifth of the CPU time.
type Fetcher struct {
	src       io.ReaderAt
	next      func() (Ref, bool, error) // the rows in order
	ahead     Ref                       // the row after those in rows
	more      bool                      // whether there is one
	rows      []fetched                 // fetched and not taken yet; part of all
	all       []fetched
	positions []uint64 // scratch: offsets and numbers of rows
	buf       []byte
}

// fetched is a row whose line begins at buf[at].
type fetched struct {
	ref Ref
	at  int
}

// NewFetcher returns a fetcher of the rows that next gives.
func NewFetcher(src io.ReaderAt, next func() (Ref, bool, error)) (*Fetcher, error) {
	f := &Fetcher{src: src, next: next}
	var err error
	f.ahead, f.more, err = next()
	return f, err
}

// Row returns the next row and its bytes, valid until the next call, or nil
// where they are too many to be read ahead; false after the last row.
func (f *Fetcher) Row() (ref Ref, line []byte, ok bool, err error) {
	if len(f.rows) == 0 {
		switch {
		case !f.more:
			return Ref{}, nil, false, nil
		case f.ahead.Size > auditline.MaxKept:
			ref = f.ahead
			f.ahead, f.more, err = f.next()
			return ref, nil, true, err
		}
		if err := f.fetch(); err != nil {
			return Ref{}, nil, false, err
		}
	}
	r := f.rows[0]
	f.rows = f.rows[1:]
	end := r.at + int(r.ref.Size)
	return r.ref, f.buf[r.at:end:end], true, nil
}

// fetch reads the lines of the rows to come.
func (f *Fetcher) fetch() error {
	if f.buf == nil {
		f.buf = make([]byte, fetchMemory)
		f.all = make([]fetched, fetchRows)
	}
	f.rows, f.positions = f.all[:0], f.positions[:0]
	size := 0
	for f.more && f.ahead.Size <= auditline.MaxKept && size < fetchLines && len(f.rows) < fetchRows {
		f.positions = append(f.positions, uint64(f.ahead.Offset)*fetchRows+uint64(len(f.rows)))
		f.rows = append(f.rows, fetched{ref: f.ahead})
		size += int(f.ahead.Size)
		var err error
		if f.ahead, f.more, err = f.next(); err != nil {
			return err
		}
	}
	slices.Sort(f.positions)
	used, spare := 0, int64(fetchMemory-size)
	for i := 0; i < len(f.positions); {
		from := f.nth(i).ref.Offset
		end := from
		for ; i < len(f.positions); i++ {
			r := f.nth(i)
			gap := r.ref.Offset - end
			if gap > min(fetchGap, spare) {
				break
			}
			spare -= max(gap, 0)
			end = max(end, r.ref.Offset+int64(r.ref.Size))
			r.at = used + int(r.ref.Offset-from)
		}
		if err := ReadAt(f.src, f.buf[used:used+int(end-from)], from); err != nil {
			return err
		}
		used += int(end - from)
	}
	return nil
}

// nth returns the row with the n-th line in the source.
func (f *Fetcher) nth(n int) *fetched { return &f.rows[f.positions[n]%fetchRows] }

// ErrChanged says that a source ends before its time.
var ErrChanged = errors.New("source changed while it was read")

// ReadAt fills p with the bytes of a source at an offset.
func ReadAt(src io.ReaderAt, p []byte, at int64) error {
	n, err := src.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = ErrChanged
	}
	return fmt.Errorf("read source at byte %d: %w", at+int64(n), err)
}
