package verify

import (
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// leaveCopies drops the objects that are no records because one was stored
// again: of those with one number the record is the last copy that another
// record follows, or that can be read. An object with a lower number of copies
// is dropped, with a note, unless a record follows it, which is a fork.
func (v *verification) leaveCopies(e *epoch, data [][]byte) [][]byte {
	keys := make([]archive.Key, len(e.keys))
	same := map[archive.Key][]int{}
	for i, name := range e.keys {
		keys[i], _ = archive.ParseKey(name) // list took no other name
		same[keys[i].First()] = append(same[keys[i].First()], i)
	}
	if len(same) == len(keys) {
		return data
	}
	decoded, sums, followed := make([]bool, len(keys)), make([]string, len(keys)), map[string]bool{}
	for i := range keys {
		r, err := manifest.Decode(data[i])
		decoded[i], sums[i] = err == nil, manifest.Hash(data[i])
		followed[r.Previous] = true
	}
	for _, copies := range same {
		slices.SortFunc(copies, func(a, b int) int { return keys[a].Copy - keys[b].Copy })
		the := -1
		for _, i := range copies {
			if decoded[i] && (the < 0 || followed[sums[i]] || !followed[sums[the]]) {
				the = i
			}
		}
		for _, i := range copies {
			if the >= 0 && keys[i].Copy < keys[the].Copy && (!followed[sums[i]] || sums[i] == sums[the]) {
				v.note("%s: not the record: the store damaged it, or it could not be confirmed; the record is %s", e.keys[i], keys[the])
				e.keys[i] = ""
			}
		}
	}
	left := data[:0]
	for i := range data {
		if e.keys[i] != "" {
			left = append(left, data[i])
		}
	}
	e.keys = slices.DeleteFunc(e.keys, func(name string) bool { return name == "" })
	return left
}
