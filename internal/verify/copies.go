package verify

import (
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// leaveCopies drops the objects that are no records because one was stored
// again: those before the copy that counts. They are noted, unless a record
// follows one, which is a fork.
func (e *epoch) leaveCopies(found *findings) {
	followed := map[string]bool{}
	for _, r := range e.entries {
		followed[r.Previous] = true
	}
	var keys []archive.Key
	var entries []manifest.Entry
	for from := 0; from < len(e.keys); {
		var copies []catalog.Copy
		for to := from; to < len(e.keys) && e.keys[to].Seq == e.keys[from].Seq; to++ {
			copies = append(copies, catalog.Copy{Readable: e.entries[to].Err == nil, Followed: followed[e.entries[to].SHA256]})
		}
		the := catalog.Counting(copies)
		for i, c := range copies {
			key, entry := e.keys[from+i], e.entries[from+i]
			if i < the && (!c.Followed || entry.SHA256 == e.entries[from+the].SHA256) {
				found.note("%s: not the record: the store damaged it, or it could not be confirmed; the record is %s", key, e.keys[from+the])
				continue
			}
			keys, entries = append(keys, key), append(entries, entry)
		}
		from += len(copies)
	}
	e.keys, e.entries = keys, entries
}
