package rowsort

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestLinesAreSortedBeyondTheMemory(t *testing.T) {
	lines := slices.Collect(audittest.Lines(audittest.Corpus(t, "diverse.log")))
	o := NewLines(t.TempDir(), 50<<10)
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(len(lines)) {
		add := func(dst []byte) []byte { return append(dst, lines[n]...) }
		var err error
		if n%100 == 0 {
			err = o.AddLong(int64(n), func(w io.Writer) error { _, err := w.Write(lines[n]); return err })
		} else {
			err = o.Add(int64(n), add)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(o.runs.ends) < 10 || o.Count() != int64(len(lines)) {
		t.Errorf("%d runs, %d lines", len(o.runs.ends), o.Count())
	}
	next := int64(0)
	var got []byte
	err := o.Each(func(line int64, text []byte, more bool) error {
		if got = append(got, text...); more {
			return nil
		}
		if line != next || !bytes.Equal(got, lines[line]) {
			t.Fatalf("line %d, want %d, of %d bytes, want %d", line, next, len(got), len(lines[line]))
		}
		got, next = got[:0], next+1
		return nil
	})
	if err != nil || next != int64(len(lines)) {
		t.Errorf("%d lines, %v; want %d", next, err, len(lines))
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}
