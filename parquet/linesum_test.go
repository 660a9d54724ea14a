package parquet

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// The check by line sums agrees with the one that rebuilds the whole source: of every log, in one
// object or one for each day, and of sources that end or begin strangely.
func TestI3_CheckByLines(t *testing.T) {
	sources := map[string][]byte{
		"empty": nil, "newline": []byte("\n"), "newlines": []byte("\n\n\n"), "no newline": []byte("x"), "last is empty": []byte(canonicalLine + "\n\n"),
		"cut":  []byte(canonicalLine + "\n" + canonicalLine[:100]),
		"long": []byte(canonicalLine + "\n" + strings.Repeat("x", 3<<20) + "\n" + strings.Replace(canonicalLine, "{", `{"requestObject":"`+strings.Repeat("y", 2<<20)+`",`, 1)),
	}
	for _, name := range []string{"diverse.log", "torn-line.log", "nul-hole.log", "enospc.log"} {
		sources[name] = audittest.Corpus(t, name)
	}
	for name, source := range sources {
		for _, dir := range []bool{true, false} {
			if testing.Short() && !dir && len(source) > 1<<16 {
				continue // where the object is does not change its check
			}
			cfg := Config{Meta: testMeta()}
			if cfg.Dir = audittest.FastDir(t); !dir {
				cfg.File, cfg.Dir = cfg.Dir+"/object.parquet", ""
			}
			res := convertWith(t, source, cfg, defaultLimits())
			if len(res.Objects) == 0 {
				continue
			}
			if len(res.Holes) > 0 { // is checked by the source rebuilt
				res.lineSum ^= 1
				if err := Check(t.Context(), res); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err := checkLines(t.Context(), inputs(t, res), res); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := Check(t.Context(), res); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			res.lineSum ^= 1
			if err := Check(t.Context(), res); !errors.Is(err, ErrMismatch) {
				t.Errorf("%s: another sum: %v, want ErrMismatch", name, err)
			}
		}
	}
}

func TestLineSum(t *testing.T) {
	lines := []string{"a", "", "ccc"}
	var source lineSum
	for _, piece := range []string{"a\n\n", "c", "cc\n"} {
		_, _ = source.Write([]byte(piece))
	}
	want := Result{Lines: 3, lineSum: source.result()}
	for _, c := range []struct {
		name  string
		order []int64
		text  []string
		want  error
	}{
		{name: "in another order", order: []int64{3, 1, 2}, text: lines},
		{name: "one is missing", order: []int64{3, 1}, text: lines, want: ErrIncomplete},
		{name: "one twice", order: []int64{3, 1, 3}, text: lines, want: ErrMismatch},
		{name: "the same length, one twice", order: []int64{1, 1, 3}, text: []string{"a", "a", "cc"}, want: ErrMismatch},
		{name: "one too many", order: []int64{3, 1, 2, 4}, text: append(lines, "x"), want: ErrIncomplete},
		{name: "one before", order: []int64{0, 2, 3}, text: lines, want: ErrMismatch},
		{name: "other text", order: []int64{1, 2, 3}, text: []string{"b", "", "ccc"}, want: ErrMismatch},
		{name: "swapped", order: []int64{1, 2, 3}, text: []string{"ccc", "", "a"}, want: ErrMismatch},
		{name: "cut in other places", order: []int64{1, 2, 3}, text: []string{"ac", "", "cc"}, want: ErrMismatch},
		{name: "longer", order: []int64{1, 2, 3}, text: []string{"a", "b", "ccc"}, want: ErrMismatch},
	} {
		for _, long := range []bool{false, true} {
			sum := lineCheck{before: 10}
			for _, n := range c.order {
				text := []byte(c.text[max(n-1, 0)])
				add := func() error { return sum.Add(10+n, func(dst []byte) []byte { return append(dst, text...) }) }
				if long { // in two pieces
					add = func() error {
						return sum.AddLong(10+n, func(w io.Writer) error {
							_, first := w.Write(text[:len(text)/2])
							_, second := w.Write(text[len(text)/2:])
							return errors.Join(first, second)
						})
					}
				}
				if err := add(); err != nil {
					t.Fatal(err)
				}
			}
			if err := sum.compare(want); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	}
	var sum lineCheck
	failed := errors.New("failed")
	if err := sum.AddLong(1, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("%v, want %v", err, failed)
	}
}
