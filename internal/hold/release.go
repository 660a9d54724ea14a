package hold

import (
	"fmt"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// release removes the links of segments that no sink needs, and forgets a
// segment once its file has left the audit directory: until then the entry
// keeps it from being archived again.
func (h *Hold) release() (changed bool, err error) {
	var done []ledger.Entry
	for _, e := range h.cfg.Ledger.Entries() {
		if !e.Owed() {
			done = append(done, e)
		}
	}
	if len(done) == 0 {
		return false, nil
	}
	for _, e := range done {
		path := filepath.Join(h.dir, e.ID) // never Path, which may be kube-apiserver's own
		if !exists(path) {
			continue
		}
		if err := h.cfg.FS.Remove(path); err != nil {
			return false, fmt.Errorf("release the held file %s: %w", path, err)
		}
	}
	gone, err := h.notListed(done)
	if err != nil || len(gone) == 0 {
		return false, err
	}
	return true, h.cfg.Ledger.Forget(gone...)
}

func (h *Hold) notListed(done []ledger.Entry) ([]string, error) {
	listed, err := h.cfg.Log.Segments()
	if err != nil {
		return nil, fmt.Errorf("list the audit directory: %w", err)
	}
	names := map[string]bool{}
	for _, s := range listed {
		names[s.Name] = true
	}
	var gone []string
	for _, e := range done {
		if !names[e.Name] {
			gone = append(gone, e.ID)
		}
	}
	return gone, nil
}
