package parquet

import (
	"bytes"
	"cmp"
	"math/rand"
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
			x := newIndex(t.TempDir(), sortLimits{memory: limit, spill: 1 << 20}, 10)
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
