package parquet

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// indexed is a row as the index gives it back, with the key it was added with.
type indexed struct {
	ref rowRef
	key string
}

func TestIndexGivesRowsInOrder(t *testing.T) {
	for name, limit := range map[string]int{"in memory": 1 << 20, "spilled": 1 << 10} {
		t.Run(name, func(t *testing.T) {
			x := newIndex(t.TempDir(), limits{index: limit, spill: 1 << 20}, 10)
			rnd := rand.New(rand.NewSource(1))
			var want []indexed
			for n := range 2000 {
				r := rowRef{line: uint32(n + 1), offset: int64(n) * 100, size: uint32(n), sum: rnd.Uint32(), day: int32(rnd.Intn(3)), time: rnd.Int63n(50)}
				if n%7 == 0 {
					r.time = noTime
				}
				key := strings.Repeat("k", rnd.Intn(4)) + string(rune('a'+rnd.Intn(5)))
				want = append(want, indexed{r, key})
				if err := x.add(r, []byte(key)); err != nil {
					t.Fatal(err)
				}
			}
			slices.SortStableFunc(want, func(a, b indexed) int {
				return cmp.Or(cmp.Compare(a.ref.day, b.ref.day), cmp.Compare(a.key, b.key), cmp.Compare(a.ref.time, b.ref.time), cmp.Compare(a.ref.line, b.ref.line))
			})
			next, err := x.sorted()
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				got, ok, err := next()
				if err != nil || !ok {
					t.Fatalf("row %d: %v, %v", i, ok, err)
				}
				got.key = 0
				if got != w.ref {
					t.Fatalf("row %d is %+v, want %+v", i, got, w.ref)
				}
			}
			if _, ok, err := next(); ok || err != nil {
				t.Errorf("after the last row: %v, %v", ok, err)
			}
			if spilled := x.runs != nil; spilled != (name == "spilled") {
				t.Errorf("spilled: %v", spilled)
			}
			if x.runs != nil && len(x.runs.ends) > fewRuns {
				t.Errorf("%d runs are read at once, want %d at most", len(x.runs.ends), fewRuns)
			}
			if err := x.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The order of a file of hardly anything but newlines takes many times its size.
func TestConvertRefusesTooManyLines(t *testing.T) {
	lim := tinyLimits()
	lim.spill = 4 << 10
	for name, c := range map[string]struct {
		line string
		want error
	}{
		"empty lines":     {"\n", ErrTooManyLines},
		"short lines":     {"ab\n", ErrTooManyLines},
		"lines of text":   {"a line of some words\n", nil},
		"the least event": {`{"kind":"Event","apiVersion":"audit.k8s.io/v1"}` + "\n", nil},
	} {
		source := strings.Repeat(c.line, 20000)
		dir := t.TempDir()
		_, err := convert(t.Context(), strings.NewReader(source), int64(len(source)), Config{Meta: testMeta(), Dir: dir}, lim)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if left, err := os.ReadDir(dir); err != nil || c.want != nil && len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
}

// The parts of a broken line may be many and close together.
func TestOrderOfPartsIsNotTooMuch(t *testing.T) {
	lim := tinyLimits()
	lim.spill = 1 << 10
	source := strings.Repeat(strings.Repeat(`{"kind":"Event","apiVersion":"audit.k8s.io/v1"}`, 500)+"\n", 20)
	roundTrip(t, []byte(source), lim)
}

func TestSortKeysCompareAsTheirParts(t *testing.T) {
	values := [][]byte{nil, {}, {0}, {0, 0}, {0, 1}, {0, 0xff}, {1}, []byte("a"), []byte("a\x00"), []byte("ab"), []byte("b"), {0xff}}
	key := func(a, b []byte) []byte {
		return appendSortKey(nil, auditline.Object{Resource: a, Namespace: b})
	}
	rank := func(v []byte) int {
		return slices.IndexFunc(values, func(w []byte) bool { return (v == nil) == (w == nil) && bytes.Equal(v, w) })
	}
	for _, a := range values {
		for _, b := range values {
			for _, c := range values {
				for _, d := range values {
					want := cmp.Or(cmp.Compare(rank(a), rank(c)), cmp.Compare(rank(b), rank(d)))
					if got := bytes.Compare(key(a, b), key(c, d)); got != want {
						t.Fatalf("key(%q,%q) against key(%q,%q) is %d, want %d", a, b, c, d, got, want)
					}
				}
			}
		}
	}
}

// TestConvertNoticesAWrongGlance has lines that look canonical at both ends.
func TestConvertNoticesAWrongGlance(t *testing.T) {
	line := strings.TrimSpace(canonicalLine)
	for name, source := range map[string]string{
		"glued":              line + line + "\n" + line + "\n",
		"another name":       strings.Replace(line, `"name":"p","uid"`, `"name":"p","name":"q","uid"`, 1) + "\n",
		"a second time":      line[:len(line)-1] + `,"stageTimestamp":"2026-11-24T16:59:23.525775Z"}` + "\n",
		"time in a note":     strings.Replace(line, `"authorization.k8s.io/decision":"allow",`, `"a":"b","stageTimestamp":"2026-11-25T16:59:23.525775Z",`, 1) + "\n",
		"a second objectRef": strings.Replace(line, `"responseStatus":{"metadata"`, `"objectRef":{"resource":"x"},"responseStatus":{"metadata"`, 1) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			line := []byte(strings.SplitN(source, "\n", 2)[0])
			if _, _, ok := new(auditline.Glancer).Glance(line, line, false); !ok {
				t.Fatal("does not look canonical")
			}
			res := roundTrip(t, []byte(source), defaultLimits())
			careful := convertCarefully(t, source)
			if got, want := res.Objects[0].SHA256, careful.Objects[0].SHA256; got != want {
				t.Errorf("object differs from the one made without glances")
			}
		})
	}
}

// convertCarefully converts without glances.
func convertCarefully(t *testing.T, source string) Result {
	t.Helper()
	src, size, cfg, lim := strings.NewReader(source), int64(len(source)), Config{Meta: testMeta(), Dir: t.TempDir()}, defaultLimits()
	d, err := digestOf(t.Context(), src, size, cfg, lim)
	if err != nil {
		t.Fatal(err)
	}
	c := newConversion(src, size, d, cfg, lim)
	if c.codec, err = newCodec(); err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.result
}
