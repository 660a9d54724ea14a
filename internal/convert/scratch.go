package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

const (
	scratchPrefix = ".auditsidecar-work-"
	// staleAfter is the age at which unfinished work belongs to a process that died.
	staleAfter = 24 * time.Hour
)

// sweepScratch removes the work of conversions that were killed. Failures do no
// harm.
func sweepScratch(beside string) {
	entries, err := os.ReadDir(beside)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() && strings.HasPrefix(e.Name(), scratchPrefix) && time.Since(info.ModTime()) > staleAfter {
			_ = os.RemoveAll(filepath.Join(beside, e.Name()))
		}
	}
}

// scratchDir makes a directory for unfinished work beside the output, so that the finished file can be renamed into place.
func scratchDir(beside string) (dir string, remove func(), err error) {
	if err := durable.OS().MkdirAll(beside, 0o755); err != nil {
		return "", nil, fmt.Errorf("make the directory to write to: %w", err)
	}
	dir, err = os.MkdirTemp(beside, scratchPrefix)
	if err != nil {
		return "", nil, fmt.Errorf("make a work directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}
