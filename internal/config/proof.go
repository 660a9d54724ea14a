package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/apiserver"
)

// Proof configures the proof by the archive's records, beyond the list of files.
type Proof struct {
	// HeartbeatInterval is the longest time without a record; 0: no heartbeats.
	HeartbeatInterval time.Duration
	// SigningKeyFile has the key that signs the records; empty: none does.
	SigningKeyFile string
	// PolicyFile is kube-apiserver's audit policy, and Manifest its static pod, which
	// are recorded; empty: they are not.
	PolicyFile, Manifest string
	// Server is kube-apiserver, whose own counters go into the heartbeats.
	Server apiserver.Config
}

// Register declares the flags.
func (p *Proof) Register(flags *pflag.FlagSet) {
	flags.DurationVar(&p.HeartbeatInterval, "heartbeat-interval", time.Hour, "longest time without a record in the archive, also where nothing happened; 0: no heartbeats")
	flags.StringVar(&p.SigningKeyFile, "signing-key-file", "", "`file` (mode 0600) with the key that signs the records; auditsidecar keygen makes one")
	flags.StringVar(&p.PolicyFile, "audit-policy-file", "", "`file` with kube-apiserver's audit policy, as the sidecar sees it, to be recorded in the archive; empty: do not")
	flags.StringVar(&p.Manifest, "apiserver-manifest", "", "`file` with kube-apiserver's static pod, whose audit flags are recorded in the archive; empty: do not")
	flags.StringVar(&p.Server.URL, "apiserver-metrics-url", "", "`URL` of kube-apiserver's /metrics, whose count of audit events goes into the heartbeats; empty: do not ask")
	flags.StringVar(&p.Server.TokenFile, "apiserver-metrics-token-file", "", "`file` with a bearer token for it")
	flags.StringVar(&p.Server.CertFile, "apiserver-metrics-cert-file", "", "PEM `file` with a client certificate for it")
	flags.StringVar(&p.Server.KeyFile, "apiserver-metrics-key-file", "", "PEM `file` with the certificate's key")
	flags.StringVar(&p.Server.CAFile, "apiserver-metrics-ca-file", "", "PEM `file` with the CA of kube-apiserver's certificate")
}

// Validate returns every mistake.
func (p *Proof) Validate() error {
	return errors.Join(zeroOrAtLeast("heartbeat-interval", p.HeartbeatInterval, time.Second), validateServer(p.Server))
}

func validateServer(s apiserver.Config) error {
	if s.URL == "" {
		if s != (apiserver.Config{}) {
			return errors.New("--apiserver-metrics-url is required where a token, certificate or CA for it is given")
		}
		return nil
	}
	if err := validURL("apiserver-metrics-url", s.URL, "https://HOST:PORT/metrics", "--apiserver-metrics-token-file"); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(s.URL, "http:") && s.TokenFile != "":
		return fmt.Errorf("--apiserver-metrics-url %q: a token must not be sent over plain HTTP: use https", s.URL)
	case (s.CertFile == "") != (s.KeyFile == ""):
		return errors.New("--apiserver-metrics-cert-file and --apiserver-metrics-key-file belong together")
	}
	return nil
}
