package cli

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

// redaction is what is replaced in lines, and the key of what stands for it.
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

// blind is what stands for a hash of what was redacted; nil where nothing is.
func (r *redaction) blind() func(sha256 string) string {
	if r == nil {
		return nil
	}
	return func(sha256 string) string { return manifest.Blind(r.key[:], sha256) }
}

// archiveRedaction is what is replaced in the archive; nil for nothing.
func (s *sidecar) archiveRedaction(st *state) *shipper.Redaction {
	if s.settings.Redact.Mode != config.RedactArchive {
		return nil
	}
	return &shipper.Redaction{Redactor: st.redaction.redactor(), Policy: st.redaction.policy.Hash()}
}

// redactPolicy reads the rules; nil where nothing is redacted.
func redactPolicy(settings config.Redact) (*redact.Policy, error) {
	if settings.Mode == config.RedactOff {
		return nil, nil
	}
	var rules redact.Config
	if settings.RulesFile != "" {
		var err error
		if rules, err = redact.ReadConfig(settings.RulesFile); err != nil {
			return nil, fmt.Errorf("--redact-rules: %w", err)
		}
	}
	return redact.NewPolicy(rules)
}

// validRedaction checks the files that the settings name.
func validRedaction(settings config.Redact) error {
	_, err := redactPolicy(settings)
	if settings.KeyFile != "" {
		if _, keyErr := redact.ReadKey(settings.KeyFile); keyErr != nil {
			err = errors.Join(err, fmt.Errorf("--redact-key-file: %w", keyErr))
		}
	}
	return err
}

// openRedaction reads the rules and the key, and makes the node's own key at
// the first start. One that cannot be used is set aside and another one made:
// holding the log must go on in any case.
func (s *sidecar) openRedaction(stateDir string) (*redaction, error) {
	policy, err := redactPolicy(s.settings.Redact)
	if policy == nil || err != nil {
		return nil, err
	}
	if file := s.settings.Redact.KeyFile; file != "" {
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
		s.log.Error().Err(err).Str("setAside", aside).Msg("the redaction key cannot be used; a new one begins, and its markers are others")
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
