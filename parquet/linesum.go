package parquet

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// sumKey is the key of all line sums of this process.
var sumKey = maphash.MakeSeed() //nolint:gochecknoglobals // nothing changes it, and a result is compared with one of another call

// lineSum identifies the lines of a source, taken in any order: it is the sum of a keyed 64-bit
// hash of each line with its number. Other lines, lines in each other's place, missing and
// repeated ones have the same sum by chance only, once in 2^64: the key is random and stays in
// the process. Converter and check compute it, and nothing stores it. It costs a tenth of a
// SHA-256, and no memory for each line.
type lineSum struct {
	sum   uint64
	lines int64

	hash maphash.Hash // of the line that has begun
	open bool         // Write is within a line
}

// Write takes the next bytes of a file, in pieces of any length. It never fails. A last line
// without a newline is counted by end.
func (s *lineSum) Write(p []byte) (int, error) {
	s.open = cutLines(p, s.open, s)
	return len(p), nil
}

// result ends a line that has begun and returns the sum.
func (s *lineSum) result() uint64 {
	if s.open {
		s.end()
		s.open = false
	}
	return s.sum
}

func (s *lineSum) begin() {
	s.hash.SetSeed(sumKey)
	s.hash.Reset()
}

func (s *lineSum) add(p []byte) { _, _ = s.hash.Write(p) } // it never fails

func (s *lineSum) end() { s.count(s.lines + 1) }

// count counts the hashed line under its number.
func (s *lineSum) count(number int64) {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], s.hash.Sum64())
	binary.LittleEndian.PutUint64(b[8:], uint64(number))
	s.sum += maphash.Bytes(sumKey, b[:])
	s.lines++
}

// lineCheck computes the sum of rebuilt lines. It implements lineTaker.
type lineCheck struct {
	lineSum
	before int64  // lines of the file before the first
	line   []byte // memory of Add
}

// Add takes one line.
func (c *lineCheck) Add(line int64, build func(dst []byte) []byte) error {
	c.line = build(auditline.Emptied(c.line, auditline.MaxKept))
	c.begin()
	c.add(c.line)
	c.count(line - c.before)
	return nil
}

// AddLong takes one line, which write writes piece by piece.
func (c *lineCheck) AddLong(line int64, write func(io.Writer) error) error {
	c.begin()
	if err := write(&c.hash); err != nil {
		return err
	}
	c.count(line - c.before)
	return nil
}

// checkLines proves that the rows of all objects are the lines of the source: that they have its
// [lineSum]. The lines need not be put in order for it.
func checkLines(ctx context.Context, in []Input, want Result) error {
	var c lineCheck
	r := restoration{to: &c}
	if err := r.open(in); err != nil {
		return err
	}
	c.before = r.meta.Increment.before()
	if err := r.collectAll(ctx, in); err != nil {
		return err
	}
	return c.compare(want)
}

// compare compares the lines with those of Convert.
func (s *lineSum) compare(want Result) error {
	if s.lines != want.Lines {
		return fmt.Errorf("%w: rows for %d of %d lines", ErrIncomplete, s.lines, want.Lines)
	}
	if s.sum != want.lineSum {
		return fmt.Errorf("%w: rows have other lines than the source, or lines in each other's place", ErrMismatch)
	}
	return nil
}
