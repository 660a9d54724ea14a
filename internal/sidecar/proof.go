package sidecar

import (
	"context"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/apiserver"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
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

// asker asks kube-apiserver for its counters; nil where nobody is to be asked.
// It tells when kube-apiserver ceases to answer, and when it answers again.
func asker(settings apiserver.Config, log zerolog.Logger) (func(context.Context) (shipper.Counters, error), error) {
	if settings.URL == "" {
		return nil, nil
	}
	server, err := apiserver.New(settings)
	if err != nil {
		return nil, err
	}
	var failing atomic.Bool
	return func(ctx context.Context) (shipper.Counters, error) {
		c, err := server.Ask(ctx)
		if was := failing.Swap(err != nil); was != (err != nil) {
			if err != nil {
				log.Warn().Err(err).Msg("heartbeats are without kube-apiserver's own counters")
			} else {
				log.Info().Msg("kube-apiserver answers again")
			}
		}
		return shipper.Counters{Started: c.Started, Events: c.Events, Errors: c.Errors, Version: c.Version}, err
	}, nil
}
