package config

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/pflag"
)

// Proof says what the archive's records prove, beyond what files there were.
type Proof struct {
	// HeartbeatInterval is the longest time without a record; 0: no heartbeats.
	HeartbeatInterval time.Duration
	// SigningKeyFile has the key that signs the records; empty: none does.
	SigningKeyFile string
	// Server is kube-apiserver, whose own counters go into the heartbeats.
	Server ServerMetrics
}

// ServerMetrics says how to ask kube-apiserver for its metrics.
type ServerMetrics struct {
	URL       string
	TokenFile string
	CertFile  string
	KeyFile   string
	CAFile    string
}

// Register declares the flags.
func (p *Proof) Register(flags *pflag.FlagSet) {
	flags.DurationVar(&p.HeartbeatInterval, "heartbeat-interval", time.Hour, "longest time without a record in the archive, also where nothing happened; 0: no heartbeats")
	flags.StringVar(&p.SigningKeyFile, "signing-key-file", "", "`file` (mode 0600) with the key that signs the records; auditsidecar keygen makes one")
	flags.StringVar(&p.Server.URL, "apiserver-metrics-url", "", "`URL` of kube-apiserver's /metrics, whose count of audit events goes into the heartbeats; empty: do not ask")
	flags.StringVar(&p.Server.TokenFile, "apiserver-metrics-token-file", "", "`file` with a bearer token for it")
	flags.StringVar(&p.Server.CertFile, "apiserver-metrics-cert-file", "", "PEM `file` with a client certificate for it")
	flags.StringVar(&p.Server.KeyFile, "apiserver-metrics-key-file", "", "PEM `file` with the certificate's key")
	flags.StringVar(&p.Server.CAFile, "apiserver-metrics-ca-file", "", "PEM `file` with the CA of kube-apiserver's certificate")
}

// Validate returns every mistake.
func (p *Proof) Validate() error {
	var errs []error
	errs = append(errs, zeroOrAtLeast("heartbeat-interval", p.HeartbeatInterval, time.Second))
	return errors.Join(append(errs, p.Server.validate())...)
}

func (m *ServerMetrics) validate() error {
	if m.URL == "" {
		if m.TokenFile+m.CertFile+m.KeyFile+m.CAFile != "" {
			return errors.New("--apiserver-metrics-url is required where a token, certificate or CA for it is given")
		}
		return nil
	}
	u, err := url.Parse(m.URL)
	switch {
	case err != nil:
		return errors.New("--apiserver-metrics-url is no URL: expected https://HOST:PORT/metrics")
	case u.User != nil:
		return errors.New("--apiserver-metrics-url: credentials do not belong in a URL, where logs and process lists show them")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return fmt.Errorf("--apiserver-metrics-url %q: expected https://HOST:PORT/metrics", m.URL)
	case u.Scheme == "http" && m.TokenFile != "":
		return fmt.Errorf("--apiserver-metrics-url %q: a token must not be sent over plain HTTP: use https", m.URL)
	case (m.CertFile == "") != (m.KeyFile == ""):
		return errors.New("--apiserver-metrics-cert-file and --apiserver-metrics-key-file belong together")
	}
	return nil
}
