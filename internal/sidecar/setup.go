package sidecar

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/apiserver"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// setupOf returns the settings that the records have. A file that cannot be read is
// absent, and the log says so once.
func setupOf(s *Config, r *redaction) func() manifest.Setup {
	unread := map[string]bool{}
	read := func(flag, file string, use func([]byte) error) {
		if file == "" {
			return
		}
		data, err := readBounded(file)
		if err == nil {
			err = use(data)
		}
		if err != nil && !unread[flag] {
			s.Log.Warn().Err(err).Str("flag", flag).Msg("the records are without this file")
		}
		unread[flag] = err != nil
	}
	return func() manifest.Setup {
		setup := manifest.Setup{Sidecar: s.Version}
		if s.Settings.Redact.Mode == config.RedactArchive {
			setup.Redaction = manifest.NewDocument([]byte(r.policy.Text()))
		}
		read("--audit-policy-file", s.Settings.Proof.PolicyFile, func(data []byte) error {
			setup.Policy = manifest.NewDocument(data)
			return nil
		})
		read("--apiserver-manifest", s.Settings.Proof.Manifest, func(data []byte) error {
			flags, err := apiserver.PodFlags(data)
			for _, name := range slices.Sorted(maps.Keys(flags)) {
				setup.SetFlag(name, flags[name])
			}
			return err
		})
		return setup
	}
}

// maxSetupFile is longer than a policy or a static pod.
const maxSetupFile = 4 << 20

// readBounded reads a regular file that is not too long.
func readBounded(file string) ([]byte, error) {
	info, err := os.Stat(file) // opening a pipe would wait
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSetupFile {
		return nil, fmt.Errorf("read %s: it is not a regular file of at most %d bytes", file, maxSetupFile)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSetupFile))
	return data, errors.Join(err, f.Close())
}
