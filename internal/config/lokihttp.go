package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

// lokiIdleTimeout closes idle connections to Loki.
const lokiIdleTimeout = 90 * time.Second

// HTTPClient returns the client that reaches Loki as --loki-http-config says:
// a YAML file in the form of Prometheus' http_config, decoded strictly.
// Relative paths in it start at its directory. Secrets stand in files of their
// own, which are read again for each request, so that they can be rotated.
// Without a file it is a plain client with the proxy of the environment.
//
// The error has file and line where the file is wrong. No connection is made.
func (l *Loki) HTTPClient() (*http.Client, error) {
	cfg := &promconfig.HTTPClientConfig{EnableHTTP2: true, ProxyConfig: promconfig.ProxyConfig{ProxyFromEnvironment: true}}
	if l.HTTPConfig != "" {
		var err error
		if cfg, err = readHTTPConfig(l.HTTPConfig); err != nil {
			return nil, fmt.Errorf("--loki-http-config: %w", err)
		}
	}
	cfg.FollowRedirects = false
	oauth := cfg.OAuth2
	cfg.OAuth2 = nil // below
	client, err := promconfig.NewClientFromConfig(*cfg, "loki", promconfig.WithIdleConnTimeout(lokiIdleTimeout), promconfig.WithDialContextFunc(dialBounded))
	if err == nil && oauth != nil {
		client.Transport, err = newTokens(oauth, client.Transport)
	}
	if err != nil {
		return nil, fmt.Errorf("--loki-http-config %s: %w", l.HTTPConfig, err)
	}
	return client, nil
}

// maxLokiAnswer bounds an answer with its header, which net/http would let have 10 MiB.
const maxLokiAnswer = 1 << 20

// dialBounded connects as net/http does.
func dialBounded(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: conn}, nil
}

// boundedConn is a connection whose peer sends at most maxLokiAnswer between two writes of ours.
type boundedConn struct {
	net.Conn
	read atomic.Int64 // since the last write
}

// Read implements [net.Conn].
func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.read.Add(int64(n)) > maxLokiAnswer {
		return 0, fmt.Errorf("the answer of %s is longer than %d bytes", c.RemoteAddr(), maxLokiAnswer)
	}
	return n, err //nolint:wrapcheck // net/http looks at it
}

// Write implements [net.Conn].
func (c *boundedConn) Write(p []byte) (int, error) {
	c.read.Store(0)
	return c.Conn.Write(p) //nolint:wrapcheck // as above
}

func readHTTPConfig(file string) (*promconfig.HTTPClientConfig, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the HTTP configuration: %w", err)
	}
	cfg, err := promconfig.LoadHTTPConfig(string(data))
	if err != nil {
		return nil, decodingError(file, err)
	}
	if err := inlineSecrets(file, data); err != nil {
		return nil, err
	}
	cfg.SetDirectory(filepath.Dir(file))
	return cfg, nil
}

// yamlLine is where the YAML library says that a mistake is.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// decodingError gives every mistake its file and line.
func decodingError(file string, err error) error {
	var errs []error
	for text := range strings.Lines(err.Error()) {
		text = strings.TrimSpace(text)
		if text == "yaml: unmarshal errors:" {
			continue
		}
		text, _, _ = strings.Cut(text, " in type ") // the name of a Go type does not help a user
		if at := yamlLine.FindStringSubmatch(text); at != nil {
			errs = append(errs, fmt.Errorf("%s:%s: %s", file, at[1], text[len(at[0]):]))
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s", file, text))
	}
	return errors.Join(errs...)
}

// inlineSecrets finds secrets that stand in the configuration itself. Every
// one of them has a form that names a file.
func inlineSecrets(file string, data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s: parse YAML: %w", file, err)
	}
	var errs []error
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if remedy := remedyFor(n.Content[i].Value); remedy != "" && n.Content[i+1].Value+n.Content[i+1].Anchor != "" || remedy != "" && len(n.Content[i+1].Content) > 0 {
					errs = append(errs, fmt.Errorf("%s:%d: %s: a secret does not stand in the configuration itself; use %s", file, n.Content[i].Line, n.Content[i].Value, remedy))
				}
			}
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(&doc)
	return errors.Join(errs...)
}

// remedyFor names the setting that takes a secret from a file, empty for a
// setting that is no secret.
func remedyFor(setting string) string {
	switch setting {
	case "password", "credentials", "bearer_token", "client_secret", "client_certificate_key", "key":
		return setting + "_file"
	case "username_ref", "password_ref", "credentials_ref", "client_secret_ref", "client_certificate_key_ref", "ca_ref", "cert_ref", "key_ref":
		return strings.TrimSuffix(setting, "_ref") + "_file: there is no secret manager here"
	case "secrets":
		return "files"
	}
	return ""
}
