package rowsort

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// countingReader counts reads and their bytes.
type countingReader struct {
	*bytes.Reader
	reads, bytes int
}

func (r *countingReader) ReadAt(p []byte, off int64) (int, error) {
	r.reads++
	r.bytes += len(p)
	return r.Reader.ReadAt(p, off)
}

// inTurn gives refs one after another.
func inTurn(refs []Ref) func() (Ref, bool, error) {
	return func() (Ref, bool, error) {
		if len(refs) == 0 {
			return Ref{}, false, nil
		}
		r := refs[0]
		refs = refs[1:]
		return r, true, nil
	}
}

func TestFetcherGivesEveryRowItsBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	source := make([]byte, 16<<20)
	for i := range source {
		source[i] = byte(random.Uint32())
	}
	sized := func(size func() int) (refs []Ref) {
		for at := 0; ; {
			n := size()
			if at+n > len(source) || len(refs) == 3*fetchRows {
				return refs
			}
			refs = append(refs, Ref{Offset: int64(at), Size: uint32(n), Line: uint32(len(refs) + 1)})
			at += n + 1
		}
	}
	shuffled := func(refs []Ref) []Ref {
		random.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
		return refs
	}
	short := func() int { return random.IntN(2000) }
	mixed := func() int { return random.IntN(1 << random.IntN(20)) }
	overlapping := sized(short)
	for _, r := range sized(short)[:1000] {
		overlapping = append(overlapping, r, Ref{Offset: r.Offset + int64(r.Size)/2, Size: r.Size / 4, Line: r.Line, Part: 1})
	}
	for name, refs := range map[string][]Ref{
		"none":           nil,
		"one":            sized(short)[:1],
		"empty":          sized(func() int { return 0 }),
		"in order":       sized(short),
		"shuffled":       shuffled(sized(short)),
		"of all lengths": shuffled(sized(mixed)),
		"long":           shuffled(sized(func() int { return auditline.MaxKept + random.IntN(2) })),
		"overlapping":    shuffled(overlapping),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := NewFetcher(bytes.NewReader(source), inTurn(refs))
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range refs {
				ref, line, ok, err := f.Row()
				if err != nil || !ok || ref != want {
					t.Fatalf("row %d is %v, %v, %v; want %v", i, ref, ok, err, want)
				}
				if long := want.Size > auditline.MaxKept; long != (line == nil) {
					t.Fatalf("row %d of %d bytes: is it to be read ahead? %v", i, want.Size, line != nil)
				} else if !long && !bytes.Equal(line, source[want.Offset:want.Offset+int64(want.Size)]) {
					t.Fatalf("row %d has other bytes", i)
				}
			}
			if _, _, ok, err := f.Row(); ok || err != nil {
				t.Errorf("after the last row: %v, %v", ok, err)
			}
		})
	}
}

func TestFetcherReadsNeighboursAtOnce(t *testing.T) {
	src := &countingReader{Reader: bytes.NewReader(make([]byte, 10<<20))}
	var refs []Ref
	for at := int64(9 << 20); at >= 0; at -= 1500 { // gaps of 500 bytes
		refs = append(refs, Ref{Offset: at, Size: 1000})
	}
	f, err := NewFetcher(src, inTurn(refs))
	for ok := err == nil; ok; {
		if _, _, ok, err = f.Row(); err != nil {
			t.Fatal(err)
		}
	}
	// Gaps take room as well, which is not endless.
	if src.reads > len(refs)/2 || src.bytes > 10<<20 {
		t.Errorf("%d reads of %d bytes for %d lines", src.reads, src.bytes, len(refs))
	}
}

func TestFetcherNoticesATruncatedSource(t *testing.T) {
	f, err := NewFetcher(bytes.NewReader(make([]byte, 100)), inTurn([]Ref{{Offset: 50, Size: 60, Line: 7}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := f.Row(); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v, want errChanged", err)
	}
}
