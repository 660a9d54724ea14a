package lokipush

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
)

// Defaults and bounds of a Client.
const (
	// DefaultTimeout bounds one attempt, from connecting to the end of the answer.
	DefaultTimeout = 10 * time.Second
	// DefaultUserAgent is what Loki's logs show where the config names nothing else.
	DefaultUserAgent = "auditsidecar"

	pushPath      = "/loki/api/v1/push"
	maxBodyShown  = 1 << 10  // of an answer, kept in StatusError.Body
	maxBodyRead   = 64 << 10 // of an answer, read so that the connection can be used again
	maxPooledBody = DefaultMaxBytes + keptExtra
)

// Config says where to push. Only URL is required.
type Config struct {
	// URL is Loki's base URL (http://loki:3100), to which /loki/api/v1/push is appended, or the whole
	// URL of a push endpoint: any path that ends in /push.
	URL string
	// HTTPClient does the requests: its Transport carries TLS, credentials and proxies. Nil means
	// http.DefaultClient. It is copied; redirects are never followed, whatever it says.
	HTTPClient *http.Client
	// TenantID is sent as X-Scope-OrgID where not empty.
	TenantID string
	// UserAgent is DefaultUserAgent where empty.
	UserAgent string
	// Timeout bounds one attempt; DefaultTimeout where zero.
	Timeout time.Duration
}

// Client pushes batches. It is safe for concurrent use.
type Client struct {
	url       string
	tenantID  string
	userAgent string
	timeout   time.Duration
	http      http.Client
	bodies    sync.Pool // of *[]byte: compressed bodies between two pushes
}

// New checks the configuration and returns a client. It does not connect.
func New(cfg Config) (*Client, error) {
	endpoint, err := pushURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("create Loki client: timeout %s is negative", cfg.Timeout)
	}
	if strings.ContainsAny(cfg.TenantID+cfg.UserAgent, "\r\n\x00") {
		return nil, errors.New("create Loki client: tenant ID or user agent contains a line break")
	}
	c := &Client{url: endpoint, tenantID: cfg.TenantID, userAgent: cfg.UserAgent, timeout: cfg.Timeout}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.userAgent == "" {
		c.userAgent = DefaultUserAgent
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = http.DefaultClient
	}
	c.http = *cfg.HTTPClient
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
	body := c.body(b)
	defer body.release()
	req, err := c.request(ctx, body)
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

func (c *Client) request(ctx context.Context, body *sharedBody) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, nil)
	if err != nil {
		return nil, fmt.Errorf("create push request: %w", err)
	}
	req.Body = body.reader()
	req.GetBody = func() (io.ReadCloser, error) { return body.reader(), nil }
	req.ContentLength = int64(len(body.data))
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", c.userAgent)
	if c.tenantID != "" {
		req.Header.Set("X-Scope-OrgID", c.tenantID)
	}
	return req, nil
}

// body returns the snappy block of a push: its own, or one in a buffer of the pool.
func (c *Client) body(p Payload) *sharedBody {
	var request []byte
	switch p := p.(type) {
	case *Packed:
		return newSharedBody(p.data, func([]byte) {}) // not reused
	case *Batch:
		request = p.request()
	}
	var buffer []byte
	if kept, ok := c.bodies.Get().(*[]byte); ok {
		buffer = (*kept)[:cap(*kept)]
	}
	return newSharedBody(s2.EncodeSnappy(buffer, request), func(data []byte) {
		if cap(data) <= maxPooledBody {
			c.bodies.Put(&data)
		}
	})
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

// isWebPage tells Loki from a login page or a dashboard that answers 200 to anything.
func isWebPage(header http.Header) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html"
}

// oneLine makes an answer fit for an error message.
func oneLine(body []byte) string {
	text := string(body)
	cut := len(text) > maxBodyShown
	if cut {
		text = text[:maxBodyShown-len(cutMark)]
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if cut {
		text += cutMark
	}
	return text
}
