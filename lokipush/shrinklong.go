package lokipush

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math"
)

// LongLine is a line that is too long to be held in memory.
type LongLine struct {
	// Open returns a reader of the whole line. It is called twice.
	Open func() (io.ReadCloser, error)
	// Size is the length of the line in bytes.
	Size int64
	// Start is the beginning of the line, at least 1 KiB of it.
	Start []byte
	// Edit, if set, is given what is left of the line, with null for the
	// bodies that were cut out of it, or Start where only a stub is left; it
	// returns what may be sent of that, made in dst[:0] where it changed.
	Edit func(dst, line []byte) (out []byte, changed bool)
}

// ShrinkLong is [Shrink] of a line that is read twice and never held: what it
// needs of memory is limit bytes and no more, however long the line is. With
// Edit the markers have no "sha256", because the checksum of what Edit would
// have hidden could be enough to guess it; edited says that Edit changed
// something. The error is that of Open or of reading, [io.ErrUnexpectedEOF]
// where the line is shorter than Size.
func ShrinkLong(line LongLine, limit int, dst []byte) (short []byte, edited bool, err error) {
	if line.Size > math.MaxInt32 {
		short, edited = line.stub(nil, limit, dst)
		return short, edited, nil
	}
	scan := new(jsonScan)
	if err := line.read(func(p []byte) { scan.write(p) }); err != nil {
		return nil, false, err
	}
	cuts := scan.cuts()
	if !scan.end() || !choose(cuts, int(line.Size), limit) {
		sum := sha256.New()
		if line.Edit == nil {
			if err := line.read(func(p []byte) { sum.Write(p) }); err != nil {
				return nil, false, err
			}
		}
		short, edited = line.stub(sum, limit, dst)
		return short, edited, nil
	}
	c := cutter{cuts: cuts, sum: sha256.New(), dst: dst[:0], hashed: line.Edit == nil}
	if err := line.read(c.write); err != nil {
		return nil, false, err
	}
	if line.Edit == nil {
		return c.dst, false, nil
	}
	short, edited = line.edit(&c, limit)
	return short, edited, nil
}

// cuts are the bodies that were found.
func (s *jsonScan) cuts() []cut {
	var cuts []cut
	for _, b := range s.found[:s.n] {
		size := int(b.end - b.start)
		cuts = append(cuts, cut{name: b.name, start: int(b.start), end: int(b.end), marker: markerLen(b.name, size)})
	}
	return cuts
}

// read calls f with the pieces of the line.
func (l *LongLine) read(f func(p []byte)) (err error) {
	r, err := l.Open()
	if err != nil {
		return fmt.Errorf("open a long line: %w", err)
	}
	defer func() {
		if closeErr := r.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("close a long line: %w", closeErr)
		}
	}()
	buf := make([]byte, 64<<10)
	for left := l.Size; left > 0; {
		n, err := io.ReadFull(r, buf[:min(left, int64(len(buf)))])
		if err != nil {
			return fmt.Errorf("read a long line, %d bytes before its end: %w", left-int64(n), noEOF(err))
		}
		f(buf[:n])
		left -= int64(n)
	}
	return nil
}

func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // io.ReadFull returns it as it is
		return io.ErrUnexpectedEOF
	}
	return err
}

// stub returns the stub of the line. sum is nil, or has the whole of it.
func (l *LongLine) stub(sum hash.Hash, limit int, dst []byte) (short []byte, edited bool) {
	start := l.Start
	if l.Edit != nil {
		start, edited = l.Edit(nil, start)
		sum = nil
	}
	dst = dst[:0]
	if sum == nil {
		dst = appendMarkerOf(dst, "line", l.Size, nil)
	} else {
		dst = appendMarkerOf(dst, "line", l.Size, sum.Sum(nil))
	}
	return appendPrefix(dst, start, limit), edited
}

// cutter copies a line that comes in pieces without the bodies to be cut.
type cutter struct {
	cuts   []cut
	next   int // cut
	at     int // offset in the line
	dst    []byte
	sum    hash.Hash
	hashed bool // write markers; else null for each body
}

func (c *cutter) write(p []byte) {
	for len(p) > 0 {
		for c.next < len(c.cuts) && !c.cuts[c.next].chosen {
			c.next++
		}
		if c.next == len(c.cuts) {
			c.dst = append(c.dst, p...)
			return
		}
		body := &c.cuts[c.next]
		if n := min(body.start-c.at, len(p)); n > 0 {
			c.dst = append(c.dst, p[:n]...)
			c.at, p = c.at+n, p[n:]
			continue
		}
		n := min(body.end-c.at, len(p))
		if c.hashed {
			c.sum.Write(p[:n])
		}
		if c.at, p = c.at+n, p[n:]; c.at == body.end {
			c.end(body)
		}
	}
}

// end ends a body.
func (c *cutter) end(body *cut) {
	c.next++
	if !c.hashed {
		c.dst = append(c.dst, "null"...)
		return
	}
	c.dst = appendMarkerOf(c.dst, body.name, int64(body.end-body.start), c.sum.Sum(nil))
	c.dst = append(c.dst, "}}"...)
	c.sum.Reset()
}

// edit has the rest of a line edited and puts the markers in for the bodies
// that were cut. Where they are not to be found any more, a stub is left.
func (l *LongLine) edit(c *cutter, limit int) ([]byte, bool) {
	rest, edited := l.Edit(nil, c.dst)
	var bodies [maxBodies]cut
	if n := findBodies(rest, &bodies); n != len(c.cuts) {
		return l.stub(nil, limit, nil)
	}
	var out []byte
	from := 0
	for i, was := range c.cuts {
		is := bodies[i]
		if !was.chosen {
			continue
		}
		if was.name != is.name || !bytes.Equal(rest[is.start:is.end], []byte("null")) {
			return l.stub(nil, limit, nil)
		}
		out = append(out, rest[from:is.start]...)
		out = append(appendMarkerOf(out, was.name, int64(was.end-was.start), nil), "}}"...)
		from = is.end
	}
	out = append(out, rest[from:]...)
	// What was edited may have become longer.
	return Shrink(out, limit, nil), edited
}
