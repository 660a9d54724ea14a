package rowsort

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
	ref Ref
	key string
}

func TestIndexGivesRowsInOrder(t *testing.T) {
	for name, limit := range map[string]int{"in memory": 1 << 20, "spilled": 1 << 10} {
		t.Run(name, func(t *testing.T) {
			x := NewIndex(t.TempDir(), Limits{Memory: limit, Spill: 1 << 20}, 10)
			rnd := rand.New(rand.NewSource(1))
			var want []indexed
			for n := range 2000 {
				r := Ref{Line: uint32(n + 1), Offset: int64(n) * 100, Size: uint32(n), Day: int32(rnd.Intn(3)), Time: rnd.Int63n(50)}
				if n%7 == 0 {
					r.Time = NoTime
				}
				key := strings.Repeat("k", rnd.Intn(4)) + string(rune('a'+rnd.Intn(5)))
				want = append(want, indexed{r, key})
				if err := x.Add(r, []byte(key)); err != nil {
					t.Fatal(err)
				}
			}
			slices.SortStableFunc(want, func(a, b indexed) int {
				return cmp.Or(cmp.Compare(a.ref.Day, b.ref.Day), cmp.Compare(a.key, b.key), cmp.Compare(a.ref.Time, b.ref.Time), cmp.Compare(a.ref.Line, b.ref.Line))
			})
			next, err := x.Sorted()
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
			if spilled := len(x.runs.ends) > 0; spilled != (name == "spilled") {
				t.Errorf("spilled: %v", spilled)
			}
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSortKeysCompareAsTheirParts(t *testing.T) {
	values := [][]byte{nil, {}, {0}, {0, 0}, {0, 1}, {0, 0xff}, {1}, []byte("a"), []byte("a\x00"), []byte("ab"), []byte("b"), {0xff}}
	key := func(a, b []byte) []byte {
		return AppendKey(nil, auditline.Object{Resource: a, Namespace: b})
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
