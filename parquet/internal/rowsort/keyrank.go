package rowsort

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// rankedKey is a sort key on its way to its rank: its number in the dictionary,
// and eight of its bytes.
type rankedKey struct {
	word uint64
	id   uint32
}

// fewKeys are compared whole.
const fewKeys = 16

// sortKeys sorts different keys that have their first from bytes in common.
// Those of one resource and namespace have many: eight bytes at a time, of all
// keys together, are looked at once and not at each comparison (Bentley and
// Sedgewick, "Fast Algorithms for Sorting and Searching Strings", 1997).
func sortKeys(d *Dictionary, keys []rankedKey, from int) {
	rest := func(k rankedKey) []byte { return d.Value(int32(k.id))[from:] }
	if len(keys) <= fewKeys {
		slices.SortFunc(keys, func(a, b rankedKey) int { return bytes.Compare(rest(a), rest(b)) })
		return
	}
	for i := range keys {
		keys[i].word = firstWord(rest(keys[i]))
	}
	slices.SortFunc(keys, func(a, b rankedKey) int { return cmp.Compare(a.word, b.word) })
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && keys[n].word == keys[0].word {
			n++
		}
		run := keys[:n]
		keys = keys[n:]
		// A key that ends here is the beginning of those that go on.
		ended := 0
		for i := range run {
			if len(rest(run[i])) < 8 {
				run[i], run[ended] = run[ended], run[i]
				ended++
			}
		}
		slices.SortFunc(run[:ended], func(a, b rankedKey) int { return cmp.Compare(len(rest(a)), len(rest(b))) })
		sortKeys(d, run[ended:], from+8)
	}
}

// firstWord is the first eight bytes of b, which order like b; zeros stand for
// those that b does not have.
func firstWord(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var w [8]byte
	copy(w[:], b)
	return binary.BigEndian.Uint64(w[:])
}
