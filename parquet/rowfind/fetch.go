package rowfind

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"
)

// extent is some bytes of an object.
type extent struct{ at, size int64 }

func (e extent) end() int64 { return e.at + e.size }

const (
	// nearby is how many bytes are read for nothing rather than asked around.
	nearby = 2 << 10
	// requests is how many extents are asked for at a time.
	requests = 8
	// maxLoaded bounds the bytes that are held; more is read page by page.
	maxLoaded = 24 << 20
)

// cache reads an object by extents that are loaded first, and the rest as it is asked for.
type cache struct {
	r      io.ReaderAt
	loaded []loaded // by position
}

type loaded struct {
	extent
	bytes []byte
}

// ReadAt implements [io.ReaderAt].
func (c *cache) ReadAt(p []byte, off int64) (int, error) {
	for i := range c.loaded {
		l := &c.loaded[i]
		if off < l.at || off >= l.end() {
			continue
		}
		n := copy(p, l.bytes[off-l.at:])
		if n == len(p) {
			return n, nil
		}
		m, err := c.ReadAt(p[n:], off+int64(n))
		return n + m, err
	}
	return c.r.ReadAt(p, off)
}

// load reads extents, several at once, and those that are near each other with one request.
// If they do not fit, it gives up earlier loads, but for the extents from keep on.
func (c *cache) load(wanted []extent, keep int64) error {
	missing := c.missing(wanted)
	if sizeOf(missing)+c.size() > maxLoaded {
		c.loaded = slices.DeleteFunc(c.loaded, func(l loaded) bool { return l.at < keep })
		missing = c.missing(wanted)
	}
	var total int64
	var next []loaded
	for _, e := range missing {
		if total += e.size; total > maxLoaded {
			break
		}
		next = append(next, loaded{extent: e})
	}
	var g errgroup.Group
	g.SetLimit(requests)
	for i := range next {
		g.Go(func() error {
			l := &next[i]
			l.bytes = make([]byte, l.size)
			if _, err := c.r.ReadAt(l.bytes, l.at); err != nil {
				return fmt.Errorf("read %d bytes from byte %d on: %w", l.size, l.at, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	c.loaded = append(c.loaded, next...)
	return nil
}

func sizeOf(extents []extent) (n int64) {
	for _, e := range extents {
		n += e.size
	}
	return n
}

// size is how many bytes are loaded.
func (c *cache) size() (n int64) {
	for _, l := range c.loaded {
		n += int64(len(l.bytes))
	}
	return n
}

// missing joins extents that are not loaded.
func (c *cache) missing(wanted []extent) (joined []extent) {
	slices.SortFunc(wanted, func(a, b extent) int { return cmp.Compare(a.at, b.at) })
	for _, e := range wanted {
		last := len(joined) - 1
		switch {
		case e.size <= 0 || slices.ContainsFunc(c.loaded, func(l loaded) bool { return e.at >= l.at && e.end() <= l.end() }):
		case last >= 0 && e.at-joined[last].end() <= nearby:
			joined[last].size = max(joined[last].size, e.end()-joined[last].at)
		default:
			joined = append(joined, e)
		}
	}
	return joined
}

// pieces reads extents of an object as if they stood one behind the other.
type pieces struct {
	r  io.ReaderAt
	of []extent
}

func (p *pieces) size() int64 { return sizeOf(p.of) }

// ReadAt implements [io.ReaderAt].
func (p *pieces) ReadAt(b []byte, off int64) (n int, err error) {
	for _, e := range p.of {
		if off >= e.size {
			off -= e.size
			continue
		}
		part := b[n:min(int64(len(b)), int64(n)+e.size-off)]
		m, err := p.r.ReadAt(part, e.at+off)
		if n += m; err != nil && m < len(part) || n == len(b) {
			return n, err
		}
		off = 0
	}
	return n, io.EOF
}
