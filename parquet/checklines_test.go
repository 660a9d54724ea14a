package parquet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Where the tree hash of the lines is known, the check agrees with the one that
// rebuilds the whole source: of every log, in one object or one for each day,
// and of sources that end or begin strangely.
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
			cfg := Config{Meta: testMeta(), Root: true}
			if cfg.Dir = audittest.FastDir(t); !dir {
				cfg.File, cfg.Dir = cfg.Dir+"/object.parquet", ""
			}
			res := convertWith(t, source, cfg, defaultLimits())
			if len(res.Objects) == 0 {
				continue
			}
			if len(res.Holes) > 0 { // is checked by the source rebuilt
				res.Root[3] ^= 1
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
			res.Root[3] ^= 1
			if err := Check(t.Context(), res); !errors.Is(err, ErrMismatch) {
				t.Errorf("%s: another tree hash: %v, want ErrMismatch", name, err)
			}
		}
	}
}

// Too many lines for their leaves are checked by the source rebuilt.
func TestCheckOfManyLines(t *testing.T) {
	res := convertWith(t, bytes.Repeat([]byte("x\n"), maxLeaves+1), Config{Meta: testMeta(), Dir: audittest.FastDir(t), Root: true}, defaultLimits())
	res.Root[0] ^= 1 // is not looked at
	if err := Check(t.Context(), res); err != nil {
		t.Error(err)
	}
	res.SHA256[0] ^= 1
	if err := Check(t.Context(), res); !errors.Is(err, ErrMismatch) {
		t.Errorf("another checksum: %v, want ErrMismatch", err)
	}
}

func TestLeaves(t *testing.T) {
	lines := []string{"a", "", "ccc"}
	var tree LineTree
	for _, line := range lines {
		tree.Add([]byte(line))
	}
	want := Result{Lines: 3, Bytes: 7, FinalNewline: true, Root: tree.Root()}
	take := func(l *leaves, line int64, text string) error {
		return l.Add(line, func(dst []byte) []byte { return append(dst, text...) })
	}
	for name, c := range map[string]struct {
		order []int64
		text  []string
		want  error
	}{
		"in another order": {[]int64{3, 1, 2}, lines, nil},
		"one is missing":   {[]int64{3, 1}, lines, ErrIncomplete},
		"one twice":        {[]int64{3, 1, 3}, lines, ErrIncomplete},
		"one too many":     {[]int64{3, 1, 2, 4}, append(lines, "x"), ErrMismatch},
		"one before":       {[]int64{0}, lines, ErrMismatch},
		"other text":       {[]int64{1, 2, 3}, []string{"b", "", "ccc"}, ErrMismatch},
		"swapped":          {[]int64{1, 2, 3}, []string{"ccc", "", "a"}, ErrMismatch},
		"longer":           {[]int64{1, 2, 3}, []string{"a", "b", "ccc"}, ErrMismatch},
	} {
		l := leaves{first: 10, leaves: make([][32]byte, 3), hash: sha256.New()}
		var err error
		for _, n := range c.order {
			if err == nil {
				err = take(&l, 10+n, c.text[max(n-1, 0)])
			}
		}
		if err == nil {
			err = l.compare(want)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	l := leaves{leaves: make([][32]byte, 1), hash: sha256.New()}
	failed := errors.New("failed")
	if err := l.AddLong(1, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("%v, want %v", err, failed)
	}
}
