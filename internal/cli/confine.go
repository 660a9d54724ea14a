package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/confine"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// umask of the verb run: nothing that it makes is for anybody else.
const umask = 0o077

type ownProcessKey struct{}

// ownProcess says that the process runs this program and nothing else, so that
// a verb may change what belongs to the whole process.
func ownProcess(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownProcessKey{}, true)
}

func ownsProcess(ctx context.Context) bool {
	owns, _ := ctx.Value(ownProcessKey{}).(bool)
	return owns
}

// confine gives up the right to change files elsewhere. A process that keeps
// its rights works as well: the log says so, and nothing else.
func (s *sidecar) confine(ctx context.Context, log rotate.Log, bucket *archive.Bucket, st *state) {
	if !ownsProcess(ctx) || s.settings.Landlock == config.LandlockOff {
		return
	}
	places := confine.Places{Owned: []string{st.dir}, Optional: []string{os.TempDir()}}
	if s.settings.Hold == config.HoldLink {
		places.Linked = log.Dir
	}
	if home, err := os.UserHomeDir(); err == nil {
		// Where AWS' SDK keeps the tokens of a login.
		places.Optional = append(places.Optional, filepath.Join(home, ".aws"))
	}
	var err error
	if dir := bucket.Dir(); dir != "" {
		err = s.fs.MkdirAll(dir, 0o700)
		places.Owned = append(places.Owned, dir)
	}
	version := 0
	if err == nil {
		version, err = confine.Writes(places)
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("not confined: this process may change whatever its user may")
		return
	}
	s.log.Info().Int("landlock", version).Strs("writes", places.Owned).Msg("confined by Landlock: files can be changed only where they have to be")
}
