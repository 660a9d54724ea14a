package hold

import (
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
		if err := h.drop(e.ID); err != nil {
			return false, err
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
