package admin

import (
	"errors"
	"fmt"
	"log"      //nolint:depguard // the type of http.Server's error log
	"log/slog" //nolint:depguard // the exporter toolkit logs with it
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v3"
)

// CheckWebConfig checks a file that says who may ask from outside the node: in
// the form that Prometheus' exporters have (--web.config.file), with TLS, and
// with accounts or client certificates. The page is served only with one of them.
func CheckWebConfig(file string) error {
	if err := web.Validate(file); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	var said struct {
		TLS *struct {
			ClientAuth string `yaml:"client_auth_type"`
			Key        string `yaml:"key"`
		} `yaml:"tls_server_config"`
		Users map[string]string `yaml:"basic_auth_users"`
	}
	if err := yaml.Unmarshal(content, &said); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	switch {
	case said.TLS == nil:
		return fmt.Errorf("%s: no tls_server_config: requests from outside the node need TLS; add cert_file and key_file", file)
	case said.TLS.Key != "":
		return fmt.Errorf("%s: key: a secret does not stand in the configuration itself; use key_file", file)
	case len(said.Users) == 0 && said.TLS.ClientAuth != "RequireAndVerifyClientCert":
		return fmt.Errorf("%s: no client is authenticated: add basic_auth_users, or client_ca_file and client_auth_type: RequireAndVerifyClientCert", file)
	}
	return nil
}

// serveTLS answers on a listener as the file says, which is read again for
// each connection: certificates and accounts can be changed while it runs. A
// file that no longer says who may ask refuses every client.
func serveTLS(listener net.Listener, server *http.Server, file string, log zerolog.Logger) error {
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, account := r.BasicAuth()
		if !account && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
	toolkit := slog.New(zerolog.NewSlogHandler(log.Level(zerolog.WarnLevel)))
	err := web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &file}, toolkit)
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve with TLS as %s says: %w", file, err)
	}
	return err
}

// connectionLog receives net/http's errors of connections, which strangers cause
// at any rate: it is for whoever debugs.
func connectionLog(to zerolog.Logger) *log.Logger { return log.New(debugWriter{to}, "", 0) }

type debugWriter struct{ log zerolog.Logger }

// Write implements io.Writer.
func (w debugWriter) Write(p []byte) (int, error) {
	w.log.Debug().Str("reason", strings.TrimSpace(string(p))).Msg("listener: a connection failed")
	return len(p), nil
}
