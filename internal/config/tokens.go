package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	promconfig "github.com/prometheus/common/config"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokenTimeout bounds one request for an access token.
const tokenTimeout = 10 * time.Second

// tokens adds the access token of an OAuth 2.0 server to requests. Prometheus' own transport
// follows the redirects of that server with the client's secret, waits for it without a limit, and
// has its whole answer in an error.
type tokens struct {
	cfg    *promconfig.OAuth2
	client *http.Client // asks for the tokens
	base   http.RoundTripper

	mu     sync.Mutex // guards the rest
	secret string
	source oauth2.TokenSource // with the secret
}

func newTokens(cfg *promconfig.OAuth2, base http.RoundTripper) (*tokens, error) {
	if cfg.GrantType != "" && cfg.GrantType != "client_credentials" {
		return nil, fmt.Errorf("oauth2: grant_type %q: use client_credentials", cfg.GrantType)
	}
	client, err := promconfig.NewClientFromConfig(promconfig.HTTPClientConfig{TLSConfig: cfg.TLSConfig, ProxyConfig: cfg.ProxyConfig}, "oauth2")
	if err != nil {
		return nil, fmt.Errorf("oauth2: %w", err)
	}
	client.Timeout = tokenTimeout
	return &tokens{cfg: cfg, client: client, base: base}, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *tokens) RoundTrip(req *http.Request) (*http.Response, error) {
	source, err := t.current()
	if err != nil {
		return nil, err
	}
	token, err := source.Token()
	if err != nil {
		return nil, fmt.Errorf("get an OAuth 2.0 token from %s: %w", t.cfg.TokenURL, shortened(err))
	}
	return (&oauth2.Transport{Source: oauth2.StaticTokenSource(token), Base: t.base}).RoundTrip(req) //nolint:wrapcheck // http.Client looks at it
}

// current is the source of tokens for the secret as it is now.
func (t *tokens) current() (oauth2.TokenSource, error) {
	secret := ""
	if t.cfg.ClientSecretFile != "" {
		content, err := os.ReadFile(t.cfg.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("read the OAuth 2.0 client secret: %w", err)
		}
		secret = strings.TrimSpace(string(content))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source == nil || secret != t.secret {
		params := url.Values{}
		for name, value := range t.cfg.EndpointParams {
			params.Set(name, value)
		}
		c := clientcredentials.Config{ClientID: t.cfg.ClientID, ClientSecret: secret, TokenURL: t.cfg.TokenURL, Scopes: t.cfg.Scopes, EndpointParams: params}
		t.secret, t.source = secret, c.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, t.client))
	}
	return t.source, nil
}

// shortened is an error without the answer of the server, of any length and with anything in it.
func shortened(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return err
	}
	if to, err := refused.Response.Location(); err == nil {
		return fmt.Errorf("it answers %s, a redirect to %s, which is not followed: correct token_url", refused.Response.Status, to.Host)
	}
	return fmt.Errorf("it answers %q", refused.Response.Status)
}
