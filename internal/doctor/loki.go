package doctor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// checkLoki finds out whether lines would get to Loki from the host's network.
func checkLoki(ctx context.Context, cfg *Config) []Result {
	if cfg.LokiURL == "" {
		return one(Info, "", "no --loki-url: nothing is streamed")
	}
	u, err := url.Parse(cfg.LokiURL)
	if err != nil || u.Hostname() == "" {
		return one(Error, "http://HOST:PORT", "--loki-url is no URL")
	}
	if clusterName(u.Hostname()) {
		return one(Error, "give an address that the node resolves: a node port, a load balancer, an ingress",
			"%s is a name of the cluster's DNS, which a pod on the host's network does not use", u.Hostname())
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
	peer := peer{client: cfg.LokiHTTP, tenant: cfg.LokiTenant}
	push := u
	if !strings.HasSuffix(u.Path, "/push") {
		push = u.JoinPath("/loki/api/v1/push")
		if a, err := ask(ctx, peer, http.MethodGet, u.JoinPath("/ready").String(), ""); err == nil && a.code == http.StatusServiceUnavailable {
			return one(Warning, "wait, or look at Loki's log", "Loki is there and not ready: %s", a.text)
		}
	}
	a, err := ask(ctx, peer, http.MethodPost, push.String(), `{"streams":[]}`)
	var unresolved *net.DNSError
	code, takes := a.code, []int{http.StatusUnprocessableEntity, http.StatusNoContent}
	return first(
		finding{errors.As(err, &unresolved), result(Error, "correct --loki-url or the node's /etc/resolv.conf", "%v", err)},
		finding{err != nil, result(Error, "is Loki running, and may this node reach it?", "%v", err)},
		finding{code == http.StatusUnauthorized || code == http.StatusForbidden, result(Error, "check the tenant and the credentials", "Loki answers %d to a push: %s", code, a.text)},
		finding{slices.Contains(takes, code) || code == http.StatusBadRequest && strings.Contains(a.text, "stream"), result(OK, "", "Loki takes pushes at %s", push.Redacted())},
		finding{code >= 300 && code < 400, result(Error, "give the final URL: redirects are not followed", "Loki answers %d to a push", code)},
		finding{code == http.StatusTooManyRequests || code >= 500, result(Warning, "look at Loki's log and limits", "Loki answers %d to a push: %s", code, a.text)},
		finding{true, result(Error, "check --loki-url: this does not look like Loki", "%s answers %d to a push: %s", push.Redacted(), code, a.text)},
	)
}

// peer is a server that is asked over HTTP.
type peer struct {
	client *http.Client
	tenant string // Loki's; empty: none
}

// answer is the part of a response that the checks read.
type answer struct {
	code int
	text string // the beginning of the body
	date string // its header
}

const (
	askTimeout = 10 * time.Second
	maxAnswer  = 500 // bytes of a body that are shown
)

// ask makes a request and follows no redirect.
func ask(ctx context.Context, p peer, method, to, body string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Close = true // a check asks once
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
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp.StatusCode, strings.Join(strings.Fields(string(data)), " "), resp.Header.Get("Date")}, err
}
