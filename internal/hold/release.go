package hold

import (
	"fmt"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/rotate"
)

// release removes the links of segments that no sink needs, and forgets a
// segment once its file has left the audit directory: until then the entry
// keeps it from being archived again. Without a listing nothing is forgotten.
func (h *Hold) release(listed []rotate.Segment) (changed bool, err error) {
	names := map[string]bool{}
	for _, s := range listed {
		names[s.Name] = true
	}
	var gone []string
	for _, e := range h.cfg.Ledger.Entries() {
		if e.Owed() {
			continue
		}
		path := filepath.Join(h.dir, e.ID) // never Path, which may be kube-apiserver's own
		if exists(path) {
			if err := h.cfg.FS.Remove(path); err != nil {
				return false, fmt.Errorf("release the held file %s: %w", path, err)
			}
		}
		if listed != nil && !names[e.Name] {
			gone = append(gone, e.ID)
		}
	}
	if len(gone) == 0 {
		return false, nil
	}
	return true, h.cfg.Ledger.Forget(gone...)
}
