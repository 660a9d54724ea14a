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

// signingKey reads the key that signs the records; nil without one.
func signingKey(settings config.Proof) (*manifest.SigningKey, error) {
	if settings.SigningKeyFile == "" {
		return nil, nil
	}
	key, err := manifest.ReadSigningKey(settings.SigningKeyFile)
	if err != nil {
		return nil, err
	}
	return &key, nil
}

// signChain has the chain signed with the key of the settings. A chain that
// was signed and no longer is, is what somebody would make who has not the key:
// verify says so, and so does the log.
func (s *Sidecar) signChain(st *state) error {
	key, err := signingKey(s.Settings.Proof)
	if err != nil {
		return err
	}
	if key == nil {
		if id := st.ledger.Chain().KeyID; id != "" {
			s.Log.Warn().Str("key", id).Msg("the records of this epoch were signed and are not any more: verify will report it; set --signing-key-file")
		}
		return nil
	}
	st.key = key
	st.chain.SignWith(key.Private)
	s.Log.Info().Str("key", manifest.KeyID(key.Public())).Msg("records are signed")
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
		return shipper.Counters{Started: c.Started, Events: c.Events, Errors: c.Errors}, err
	}, nil
}
