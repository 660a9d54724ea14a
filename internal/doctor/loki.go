package doctor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// checkLoki finds out whether lines would get to Loki from the host's network.
func checkLoki(ctx context.Context, cfg *Config) []Result {
	const id = "loki"
	if cfg.LokiURL == "" {
		return one(id, Info, "", "no --loki-url: nothing is streamed")
	}
	u, err := url.Parse(cfg.LokiURL)
	if err != nil || u.Hostname() == "" {
		return one(id, Error, "http://HOST:PORT", "--loki-url is no URL")
	}
	if clusterName(u.Hostname()) {
		return one(id, Error, "give an address that the node resolves: a node port, a load balancer, an ingress",
			"%s is a name of the cluster's DNS, which a pod on the host's network does not use", u.Hostname())
	}
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	if _, err := net.DefaultResolver.LookupHost(ctx, u.Hostname()); err != nil {
		return one(id, Error, "correct --loki-url or the node's /etc/resolv.conf", "%s", err)
	}
	return pushNothing(ctx, cfg, u)
}

// clusterName says whether only the cluster's own DNS knows a host.
func clusterName(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".cluster.local")
}

// pushNothing asks /ready and sends a push without entries.
func pushNothing(ctx context.Context, cfg *Config, u *url.URL) []Result {
	const id = "loki"
	peer := peer{client: cfg.LokiHTTP, tenant: cfg.LokiTenant}
	push := u
	if !strings.HasSuffix(u.Path, "/push") {
		push = u.JoinPath("/loki/api/v1/push")
		if code, text, err := ask(ctx, peer, http.MethodGet, u.JoinPath("/ready").String(), ""); err == nil && code == http.StatusServiceUnavailable {
			return one(id, Warning, "wait, or look at Loki's log", "Loki is there and not ready: %s", text)
		}
	}
	code, text, err := ask(ctx, peer, http.MethodPost, push.String(), `{"streams":[]}`)
	switch {
	case err != nil:
		return one(id, Error, "is Loki running, and may this node reach it?", "%s", err)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return one(id, Error, "check the tenant and the credentials", "Loki answers %d to a push: %s", code, text)
	case code == http.StatusUnprocessableEntity || code == http.StatusNoContent || code == http.StatusBadRequest && strings.Contains(text, "stream"):
		return one(id, OK, "", "Loki takes pushes at %s", push.Redacted())
	case code >= 300 && code < 400:
		return one(id, Error, "give the final URL: redirects are not followed", "Loki answers %d to a push", code)
	case code == http.StatusTooManyRequests || code >= 500:
		return one(id, Warning, "look at Loki's log and limits", "Loki answers %d to a push: %s", code, text)
	}
	return one(id, Error, "check --loki-url: this does not look like Loki", "%s answers %d to a push: %s", push.Redacted(), code, text)
}

// peer is somebody who is asked over HTTP.
type peer struct {
	client *http.Client
	tenant string // Loki's; empty: none
}

// maxAnswer is how much of an answer is shown, in bytes.
const maxAnswer = 500

// ask makes a request and returns status and the beginning of the answer.
func ask(ctx context.Context, p peer, method, to, body string) (code int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if p.tenant != "" {
		req.Header.Set("X-Scope-OrgID", p.tenant)
	}
	client := *p.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which may have more in it than should be shown
		}
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, strings.Join(strings.Fields(string(data)), " "), err
}
