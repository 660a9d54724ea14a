package sidecar

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// redactKeyName is the name of the node's own key in the state directory.
const redactKeyName = "redact.key"

// redaction selects the values to replace in lines, and has the key of their substitutes.
// Nil replaces nothing.
type redaction struct {
	policy *redact.Policy
	key    redact.Key
}

// redactor returns a redactor for one goroutine, nil for no redaction.
func (r *redaction) redactor() *redact.Redactor {
	if r == nil {
		return nil
	}
	return redact.New(r.policy, r.key)
}

// blind makes the substitute of a hash of redacted values; nil without redaction.
func (r *redaction) blind() func(sha256 string) string {
	if r == nil {
		return nil
	}
	return func(sha256 string) string { return manifest.Blind(r.key[:], sha256) }
}

// archiveRedaction selects the values to replace in the archive; nil for nothing.
func (s *Sidecar) archiveRedaction(st *state) *shipper.Redaction {
	if s.Settings.Redact.Mode != config.RedactArchive {
		return nil
	}
	return &shipper.Redaction{Redactor: st.redaction.redactor(), Policy: st.redaction.policy.Hash()}
}

// openRedaction reads the rules and the key, and makes the node's own key at
// the first start. One that cannot be used is set aside and another one made:
// holding the log must continue in any case.
func (s *Sidecar) openRedaction(stateDir string) (*redaction, error) {
	policy, err := s.Settings.Redact.Policy()
	if policy == nil || err != nil {
		return nil, err
	}
	if file := s.Settings.Redact.KeyFile; file != "" {
		key, err := redact.ReadKey(file)
		return &redaction{policy, key}, err
	}
	file := filepath.Join(stateDir, redactKeyName)
	key, err := redact.ReadKey(file)
	if errors.Is(err, redact.ErrBadKey) {
		aside, asideErr := s.fs.SetAside(file, time.Now())
		if asideErr != nil {
			return nil, errors.Join(err, asideErr)
		}
		s.Log.Error().Err(err).Str("setAside", aside).Msg("the redaction key cannot be used; a new one begins, and its markers are others")
		err = fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newRedactKey(s.fs, file)
	}
	return &redaction{policy, key}, err
}

func newRedactKey(fsys durable.FS, file string) (redact.Key, error) {
	key := redact.NewKey()
	err := fsys.Publish(file, 0o600, func(w io.Writer) error {
		_, err := w.Write(key[:])
		return err
	})
	if err != nil {
		return redact.Key{}, fmt.Errorf("make the redaction key: %w", err)
	}
	return key, nil
}
