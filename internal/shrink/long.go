package shrink

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// LongLine is a line that is too long to be held in memory.
type LongLine struct {
	// Open returns a reader of the whole line. It is called at most twice.
	Open func() (io.ReadCloser, error)
	// Size is the length of the line in bytes.
	Size int64
	// Start is the beginning of the line, at least 1 KiB of it.
	Start []byte
	// Edit, if set, is given the rest of the line, with null for the
	// bodies that were cut out of it, or Start where only a stub is left; it
	// returns the part of it that may be sent, made in dst[:0] where it changed.
	Edit func(dst, line []byte) (out []byte, changed bool)
}

// Long is [Line] for a line that is read twice and never held: it needs limit bytes of memory and no
// more, however long the line is. With Edit the markers have no "sha256", because the checksum of
// a value that Edit would have hidden could be enough to guess it; edited reports that Edit changed
// something. The error is that of Open or of reading, [io.ErrUnexpectedEOF] if the line is shorter
// than Size.
func Long(line LongLine, limit int, dst []byte) (short []byte, edited bool, err error) {
	var scan scanner
	sum := sha256.New()
	if err := line.read(io.MultiWriter(&scan, sum)); err != nil {
		return nil, false, err
	}
	if !scan.choose(limit) {
		short, edited = line.stub(sum.Sum(nil), limit, dst)
		return short, edited, nil
	}
	c := cutter{bodies: scan.bodies, dst: dst[:0]}
	if line.Edit == nil {
		c.sum = sha256.New()
	}
	if err := line.read(&c); err != nil {
		return nil, false, err
	}
	if line.Edit != nil {
		if rest, edited := line.Edit(nil, c.dst); json.Valid(rest) {
			if short, ok := mark(rest, scan.bodies); ok {
				return Line(short, limit, nil), edited, nil // the edit may have made it longer
			}
		}
	} else if json.Valid(c.dst) {
		return c.dst, false, nil
	}
	short, edited = line.stub(sum.Sum(nil), limit, c.dst)
	return short, edited, nil
}

// read writes the line to w.
func (l *LongLine) read(w io.Writer) (err error) {
	r, err := l.Open()
	if err != nil {
		return fmt.Errorf("open a long line: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	n, err := io.CopyN(w, r, l.Size)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read a long line, %d bytes before its end: %w", l.Size-n, err)
	}
	return nil
}

// stub returns the stub of the line, without its checksum where it is edited.
func (l *LongLine) stub(sum []byte, limit int, dst []byte) (short []byte, edited bool) {
	start := l.Start
	if l.Edit != nil {
		start, edited = l.Edit(nil, start)
		sum = nil
	}
	return appendPrefix(appendMarker(dst[:0], "line", l.Size, sum), start, limit), edited
}

// mark puts the markers into an edited line for the bodies that were cut. It returns false if they
// cannot be found any more.
func mark(rest []byte, were []body) (out []byte, ok bool) {
	var scan scanner
	_, _ = scan.Write(rest)
	if len(scan.bodies) != len(were) {
		return nil, false
	}
	from := int64(0)
	for i, was := range were {
		is := scan.bodies[i]
		if !was.cut {
			continue
		}
		if was.name != is.name || !bytes.Equal(rest[is.start:is.end], []byte("null")) {
			return nil, false
		}
		out = append(out, rest[from:is.start]...)
		out = append(appendMarker(out, was.name, was.end-was.start, nil), "}}"...)
		from = is.end
	}
	return append(out, rest[from:]...), true
}
