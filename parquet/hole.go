package parquet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// Hole is a part of a long run of NUL bytes in a source: all of the run but its
// last byte. kube-apiserver leaves such a run where its log was truncated, or
// where the disk was full, and it may be longer than any cell should be. So the
// line it is in is stored without it, the metadata says where it was, and
// [Restore] puts it back.
type Hole struct {
	// From is the offset of the first byte in the source.
	From int64
	// Size is in bytes.
	Size int64
}

// maxHoles bounds the holes of one source: shorter runs stay in their lines
// where there would be more.
const maxHoles = 4096

// digest is the result of one pass over all bytes of a source.
type digest struct {
	sum, prefix, root [sha256.Size]byte
	lines             uint64 // see lineSum
	holes             []Hole
}

// digestOf reads a source from end to end.
func digestOf(ctx context.Context, src io.ReaderAt, size int64, cfg Config, lim limits) (d digest, err error) {
	sum := NewPrefixHash(cfg.Prefix)
	holes := &holeFinder{least: max(int64(lim.hole), size/maxHoles)}
	var tree LineTree
	var lines lineSum
	sums := []io.Writer{sum, holes, &lines}
	if cfg.Root {
		sums = append(sums, &tree)
	}
	buf := make([]byte, min(readSize, size))
	for at := int64(0); at < size; {
		if ctx.Err() != nil {
			return d, fmt.Errorf("read source: %w", ctx.Err())
		}
		part := buf[:min(readSize, size-at)]
		if err := rowsort.ReadAt(src, part, at); err != nil {
			return d, err
		}
		for _, w := range sums {
			_, _ = w.Write(part) // they never fail
		}
		at += int64(len(part))
	}
	holes.end()
	d.holes, d.lines = holes.found, lines.result()
	sum.Sum(d.sum[:0])
	d.prefix, _ = sum.Prefix()
	if cfg.Root {
		d.root = tree.Root()
	}
	return d, nil
}

// holeFinder finds the holes in the bytes written to it.
type holeFinder struct {
	least int64 // length of a run that is a hole
	at    int64 // bytes that were written
	run   int64 // NULs at their end
	found []Hole
}

// Write takes the next bytes. It never fails.
func (f *holeFinder) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		nuls := len(rest) - len(bytes.TrimLeft(rest, "\x00"))
		f.run, f.at, rest = f.run+int64(nuls), f.at+int64(nuls), rest[nuls:]
		if len(rest) == 0 {
			break
		}
		f.end()
		n := bytes.IndexByte(rest, 0)
		if n < 0 {
			n = len(rest)
		}
		f.at, rest = f.at+int64(n), rest[n:]
	}
	return len(p), nil
}

// end ends the run at the end of the written bytes.
func (f *holeFinder) end() {
	if f.run >= f.least {
		f.found = append(f.found, Hole{From: f.at - f.run, Size: f.run - 1})
	}
	f.run = 0
}

// solid is a source without its holes.
type solid struct {
	src   io.ReaderAt
	holes []Hole
	begin []int64 // of each hole, its position in the rest
}

// withoutHoles returns the rest of a source of size bytes.
func withoutHoles(src io.ReaderAt, size int64, holes []Hole) (io.ReaderAt, int64) {
	if len(holes) == 0 {
		return src, size
	}
	s := &solid{src: src, holes: holes}
	gone := int64(0)
	for _, h := range holes {
		s.begin = append(s.begin, h.From-gone)
		gone += h.Size
	}
	return s, size - gone
}

// ReadAt implements [io.ReaderAt].
func (s *solid) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) && err == nil {
		// The first hole whose place is behind the offset.
		i := sort.Search(len(s.begin), func(i int) bool { return s.begin[i] > at })
		part := p[n:]
		if i < len(s.begin) {
			part = part[:min(int64(len(part)), s.begin[i]-at)]
		}
		from := at
		if i > 0 {
			from += s.holes[i-1].From + s.holes[i-1].Size - s.begin[i-1]
		}
		var got int
		got, err = s.src.ReadAt(part, from)
		if got == len(part) {
			err = nil
		}
		n, at = n+got, at+int64(got)
	}
	return n, err //nolint:wrapcheck // it must be the source's own error
}

// holeWriter passes on the rest of a source and puts its holes back.
type holeWriter struct {
	ctx   context.Context //nolint:containedctx // io.Writer has no room for it
	to    io.Writer
	holes []Hole
	at    int64
}

// Write takes the next bytes.
func (w *holeWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part := rest
		if len(w.holes) > 0 {
			if w.at == w.holes[0].From {
				if err := w.fill(); err != nil {
					return 0, err
				}
				continue
			}
			part = part[:min(int64(len(part)), w.holes[0].From-w.at)]
		}
		if _, err := w.to.Write(part); err != nil {
			return 0, err
		}
		w.at, rest = w.at+int64(len(part)), rest[len(part):]
	}
	return len(p), nil
}

// fill writes the hole that is next.
func (w *holeWriter) fill() error {
	zeros := make([]byte, min(readSize, w.holes[0].Size))
	for left := w.holes[0].Size; left > 0; {
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		n, err := w.to.Write(zeros[:min(int64(len(zeros)), left)])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	w.at += w.holes[0].Size
	w.holes = w.holes[1:]
	return nil
}

// holesText is the holes as metadata have them.
func holesText(holes []Hole) string {
	texts := make([]string, len(holes))
	for i, h := range holes {
		texts[i] = strconv.FormatInt(h.From, 10) + "+" + strconv.FormatInt(h.Size, 10)
	}
	return strings.Join(texts, ",")
}

// holes reads the metadata that only objects of a source with holes have: holes in their
// order, none beyond the source's last byte.
func (p *metaParser) holes(size int64) (holes []Hole) {
	text, ok := p.pairs[keyHoles]
	if !ok {
		return nil
	}
	end := int64(-1)
	for _, s := range strings.Split(text, ",") {
		from, length, _ := strings.Cut(s, "+")
		h := Hole{}
		var errs [2]error
		h.From, errs[0] = strconv.ParseInt(from, 10, 64)
		h.Size, errs[1] = strconv.ParseInt(length, 10, 64)
		if errors.Join(errs[:]...) != nil || h.From <= end || h.Size <= 0 || h.Size >= size-h.From || len(holes) == maxHoles {
			p.fail(keyHoles, fmt.Errorf("unreadable %q", s))
			return nil
		}
		holes = append(holes, h)
		end = h.From + h.Size
	}
	return holes
}
