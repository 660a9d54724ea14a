package sidecar

import (
	"context"

	"github.com/auditsidecar/auditsidecar/internal/apiserver"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// signingKey reads the key that signs the records of a node; nil without one.
func signingKey(settings *config.Run) (*manifest.SigningKey, error) {
	if settings.Proof.SigningKeyFile == "" {
		return nil, nil
	}
	return manifest.ReadSigningKey(settings.Proof.SigningKeyFile, manifest.KeyName(settings.Identity.Cluster, settings.Identity.Node))
}

// openKey reads the key of the settings. Records that were signed and no longer are
// look as if another had written them: verify says so, and so does the log.
func (s *Sidecar) openKey(st *state) (err error) {
	if st.key, err = signingKey(&s.Settings); err != nil {
		return err
	}
	if current := st.ledger.Chain().Key; st.key == nil && current != "" {
		s.Log.Warn().Str("key", current).Msg("the records of this node were signed and are not any more: verify will report it; set --signing-key-file")
	}
	return nil
}

// counters asks kube-apiserver for its own counters; nil if it is not to be asked.
func counters(settings apiserver.Config) (func(context.Context) (apiserver.Counters, error), error) {
	if settings.URL == "" {
		return nil, nil
	}
	server, err := apiserver.New(settings)
	return server.Ask, err
}
