package redact

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

const (
	// MaxLine is the longest line that [Redactor.Copy] looks at as a whole, in
	// bytes. kube-apiserver writes none that is longer than
	// --audit-log-maxsize, which is 100 MiB by default.
	MaxLine = 128 << 20
	// keepBuffer is the most memory for a line that is kept for the next.
	keepBuffer = 1 << 20
)

// Tally counts the copied lines.
type Tally struct {
	// Changed counts the lines of which something was replaced.
	Changed int64
	// Bytes that were written.
	Bytes int64
}

// Copy writes a log as it may leave the node, line by line: each line is
// written as [Redactor.Line] returns it. NUL bytes before a line, the hole that
// a truncation leaves, are passed on and are no part of it. A line longer
// than [MaxLine] is replaced as a whole. A copy that fails has written a part.
func (r *Redactor) Copy(ctx context.Context, w io.Writer, src io.Reader) (Tally, error) {
	c := newCopier(r, w, src, MaxLine)
	err := c.run(ctx)
	if err == nil {
		err = c.out.Flush()
	}
	if err != nil {
		return c.tally, fmt.Errorf("redact a copy: %w", err)
	}
	return c.tally, nil
}

// copier is one [Redactor.Copy].
type copier struct {
	r     *Redactor
	max   int
	in    *bufio.Reader
	out   *bufio.Writer
	tally Tally
	line  []byte // the line at hand, with its newline; reused
	dst   []byte // memory of the last redacted line
}

func newCopier(r *Redactor, w io.Writer, src io.Reader, most int) *copier {
	buffer := min(most, 256<<10)
	return &copier{r: r, max: most, in: bufio.NewReaderSize(src, buffer), out: bufio.NewWriterSize(w, buffer)}
}

func (c *copier) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.passNULs(); err != nil {
			return err
		}
		whole, err := c.read()
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		if len(c.line) > 0 {
			if writeErr := c.emit(whole); writeErr != nil {
				return writeErr
			}
		}
		if last {
			return nil
		}
	}
}

// passNULs passes on the NULs that come next.
func (c *copier) passNULs() error {
	for {
		if next, _ := c.in.Peek(1); len(next) == 0 || next[0] != 0 {
			return nil // if it is an error, read finds it as well
		}
		block, _ := c.in.Peek(c.in.Buffered())
		n := len(block) - len(bytes.TrimLeft(block, "\x00"))
		if err := c.write(block[:n]); err != nil {
			return err
		}
		_, _ = c.in.Discard(n) // it is in the buffer
	}
}

// read reads a line, or its beginning where it is too long: whole is false
// then. A hole ends it as well. The error is io.EOF after the last line.
func (c *copier) read() (whole bool, err error) {
	if cap(c.line) > keepBuffer {
		c.line, c.dst = nil, nil
	}
	c.line = c.line[:0]
	for len(c.line) <= c.max {
		if len(c.line) > 0 && c.atHole() {
			return true, nil
		}
		part, err := c.in.ReadSlice('\n')
		c.line = append(c.line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return true, err
		}
	}
	return false, nil
}

// atHole says whether the next read is all NULs: a hole in a line may be longer
// than memory.
func (c *copier) atHole() bool {
	if next, _ := c.in.Peek(1); len(next) == 0 || next[0] != 0 {
		return false // if it is an error, ReadSlice finds it as well
	}
	block, _ := c.in.Peek(c.in.Size())
	return len(block) == c.in.Size() && len(bytes.TrimLeft(block, "\x00")) == 0
}

// emit writes the line at hand.
func (c *copier) emit(whole bool) error {
	if !whole {
		return c.emitLong()
	}
	line, newline := bytes.CutSuffix(c.line, []byte("\n"))
	out, changed := c.r.Line(c.dst, line)
	if changed {
		c.tally.Changed++
		c.dst = out
	}
	if err := c.write(out); err != nil || !newline {
		return err
	}
	return c.write(c.line[len(line):])
}

// emitLong writes a marker for a line that is too long, the rest of which is read here.
func (c *copier) emitLong() error {
	c.tally.Changed++
	sum := hmac.New(sha256.New, c.r.key[:])
	sum.Write(c.line)
	length := int64(len(c.line))
	for {
		part, err := c.in.ReadSlice('\n')
		part, newline := bytes.CutSuffix(part, []byte("\n"))
		sum.Write(part)
		length += int64(len(part))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case newline:
			return c.write(append(appendSum(nil, sum.Sum(nil), length), '\n'))
		case errors.Is(err, io.EOF):
			return c.write(appendSum(nil, sum.Sum(nil), length))
		default:
			return err
		}
	}
}

func (c *copier) write(b []byte) error {
	n, err := c.out.Write(b)
	c.tally.Bytes += int64(n)
	return err
}
