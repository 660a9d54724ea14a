package hold

import (
	"fmt"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// watchUnknown warns, once for each, of files beside the log that nothing archives.
func (h *base) watchUnknown() error {
	names, err := h.cfg.Log.Unknown()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(h.unknown, name) {
			h.cfg.Note("unknown file", ledger.Entry{Name: name, Reason: "not a name or kind of file that kube-apiserver writes: it is not opened, and nothing archives it; " +
				"stop its writer (logrotate?), and convert it if it has lines of the log"})
		}
	}
	h.unknown = names
	h.metrics.unknown.Set(float64(len(names)))
	return nil
}

// mayExplain names files that may have the lines that are missing in a gap.
func (h *base) mayExplain() string {
	if len(h.unknown) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d unknown files beside the log may have the lines: %q", len(h.unknown), h.unknown[:min(3, len(h.unknown))])
}
