package sidecar

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// TestI10_ChangedWorkFileIsNotSent: a work file that is not the one in the ledger
// reaches no store.
func TestI10_ChangedWorkFileIsNotSent(t *testing.T) {
	whole := bytes.Repeat([]byte("x"), 100_000)
	sum := sha256.Sum256(whole)
	flipped := bytes.Clone(whole)
	flipped[70_000] ^= 1
	for _, c := range []struct {
		name string
		have []byte // nil: no file
		gone bool
	}{
		{name: "whole", have: whole},
		{name: "one bit flipped", have: flipped, gone: true},
		{name: "cut", have: whole[:1], gone: true},
		{name: "longer", have: append(bytes.Clone(whole), 'x'), gone: true},
		{name: "deleted", gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, file := t.TempDir(), filepath.Join(t.TempDir(), "work")
			if c.have != nil {
				put(t, file, c.have)
			}
			objects := &store{bucket: dirBucket(t, dir), success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}), alive: func() {}}
			err := objects.Put(t.Context(), "data/x", file, int64(len(whole)), hex.EncodeToString(sum[:]))
			if errors.Is(err, shipper.ErrWorkGone) != c.gone || !c.gone && err != nil {
				t.Errorf("error %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "data/x")); (err == nil) == c.gone {
				t.Errorf("the object: %v", err)
			}
		})
	}
}
