package lokipush

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of a Client.
const (
	// attemptTimeout bounds one attempt, from connecting to the end of the answer.
	attemptTimeout = 10 * time.Second

	pushPath     = "/loki/api/v1/push"
	maxBodyShown = 1 << 10  // of an answer, kept in StatusError.Body
	maxBodyRead  = 64 << 10 // of an answer, read so that the connection can be used again
)

// Config says where to push. Only URL is required.
type Config struct {
	// URL is Loki's base URL (http://loki:3100), to which /loki/api/v1/push is appended, or the whole
	// URL of a push endpoint: any path that ends in /push.
	URL string
	// HTTPClient does the requests: its Transport carries TLS, credentials and proxies. Nil means
	// http.DefaultClient. It is copied; redirects are never followed, even if it follows them.
	HTTPClient *http.Client
	// TenantID is sent as X-Scope-OrgID where not empty.
	TenantID string
	// UserAgent is "auditsidecar" where empty.
	UserAgent string
}

// Client pushes batches. It is safe for concurrent use.
type Client struct {
	url       string
	tenantID  string
	userAgent string
	timeout   time.Duration
	http      http.Client
}

// New checks the configuration and returns a client. It does not connect.
func New(cfg Config) (*Client, error) {
	endpoint, err := pushURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(cfg.TenantID+cfg.UserAgent, "\r\n\x00") {
		return nil, errors.New("create Loki client: tenant ID or user agent contains a line break")
	}
	c := &Client{url: endpoint, tenantID: cfg.TenantID, userAgent: cmp.Or(cfg.UserAgent, "auditsidecar"), timeout: attemptTimeout}
	if cfg.HTTPClient != nil {
		c.http = *cfg.HTTPClient
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// pushURL completes the base URL.
func pushURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		// the error of url.Parse shows the URL, which may have a password in it
		return "", errors.New("create Loki client: the Loki URL cannot be parsed: give it as http://host:3100")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("create Loki client: %q is no URL of a Loki: give it as http://host:3100", u.Redacted())
	}
	if !strings.HasSuffix(u.Path, "/push") {
		u = u.JoinPath(pushPath)
	}
	u.Fragment = ""
	return u.String(), nil
}

// URL is the endpoint that is pushed to, with a password in it masked.
func (c *Client) URL() string {
	u, err := url.Parse(c.url)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// Push makes one attempt to push the batch. Nil means that Loki stored every entry. Otherwise it
// returns a *StatusError when the server answered, which says what to do, or the error of the
// transport, which is worth a retry unless ctx is done; DecisionOf knows both. An empty batch is
// accepted without a request. The batch must not change during the call.
func (c *Client) Push(ctx context.Context, b Payload) error {
	if b.Len() == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, b.compressed())
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("push to Loki: %w", err)
	}
	defer resp.Body.Close()
	return judge(resp)
}

func (c *Client) request(ctx context.Context, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("create push request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", c.userAgent)
	if c.tenantID != "" {
		req.Header.Set("X-Scope-OrgID", c.tenantID)
	}
	return req, nil
}

// judge reads the answer, bounded, and turns everything but success into a StatusError.
func judge(resp *http.Response) error {
	shown, _ := io.ReadAll(io.LimitReader(resp.Body, maxBodyShown+1))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBodyRead)) // so that the connection is used again
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusOK && !isWebPage(resp.Header) {
		return nil
	}
	return newStatusError(resp.StatusCode, oneLine(shown), resp.Header.Get("Retry-After"), time.Now())
}

// isWebPage distinguishes Loki from a login page or a dashboard that answers 200 to anything.
func isWebPage(header http.Header) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html"
}
