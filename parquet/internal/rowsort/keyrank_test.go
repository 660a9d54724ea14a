package rowsort

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// Keys come in the order of their bytes, whatever they have in common and
// wherever one ends: zeros in a key are no end of it.
func TestSortKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		d := NewDictionary(false)
		var want [][]byte
		common := r.IntN(3) * round // bytes
		for range r.IntN(300) {
			key := make([]byte, common+r.IntN(30))
			for i := common; i < len(key); i++ {
				key[i] = byte(r.IntN(2)) * byte(r.IntN(3)) // mostly zeros
			}
			if n := d.Len(); int(d.Number(key)) == n {
				want = append(want, key)
			}
		}
		keys := make([]rankedKey, d.Len())
		for i := range keys {
			keys[i].id = uint32(i)
		}
		sortKeys(d, keys, 0)
		slices.SortFunc(want, bytes.Compare)
		for i, k := range keys {
			if !bytes.Equal(d.Value(int32(k.id)), want[i]) {
				t.Fatalf("key %d of %d is %q, want %q", i, len(keys), d.Value(int32(k.id)), want[i])
			}
		}
	}
}
