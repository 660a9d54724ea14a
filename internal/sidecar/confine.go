package sidecar

import (
	"os"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/landlock"
)

// confine gives up the right to change files elsewhere. A process that keeps
// its rights works as well: the log says so, and nothing else.
func (s *Sidecar) confine(st *state) {
	if !s.OwnsProcess || s.Settings.Landlock == config.LandlockOff {
		return
	}
	locations := landlock.Paths{Owned: []string{st.dir}, Optional: []string{os.TempDir()}}
	if s.Settings.Hold == config.HoldLink {
		locations.Linked = s.audit.Dir
	}
	if home, err := os.UserHomeDir(); err == nil {
		// Where AWS' SDK keeps the tokens of a login.
		locations.Optional = append(locations.Optional, filepath.Join(home, ".aws"))
	}
	var err error
	if dir := s.bucket.Dir(); dir != "" {
		err = s.fs.MkdirAll(dir, 0o700)
		locations.Owned = append(locations.Owned, dir)
	}
	version := 0
	if err == nil {
		version, err = landlock.Writes(locations)
	}
	if err != nil {
		s.Log.Warn().Err(err).Msg("not confined: this process may change whatever its user may")
		return
	}
	s.Log.Info().Int("landlock", version).Strs("writes", locations.Owned).Msg("confined by Landlock: files can be changed only where they have to be")
}
