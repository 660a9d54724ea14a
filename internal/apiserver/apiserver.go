package apiserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// Config says where kube-apiserver's metrics are and who asks.
type Config struct {
	// URL of /metrics.
	URL string
	// TokenFile has a bearer token; it is read again when it changes.
	TokenFile string
	// CertFile and KeyFile are a client certificate.
	CertFile, KeyFile string
	// CAFile has the authority of the server's certificate; empty: the
	// system's.
	CAFile string
}

// Counters are kube-apiserver's counters.
type Counters struct {
	// Started is when the process began; zero where it does not say.
	Started time.Time
	// Events counts the audit events that were to be written, Errors those
	// that could not be written to the log.
	Events, Errors int64
	// Version of kube-apiserver; empty where it does not say.
	Version string
}

// Server is a kube-apiserver that can be asked.
type Server struct {
	url    string
	client *http.Client
}

const (
	// timeout bounds one question.
	timeout = 10 * time.Second
	// maxAnswer bounds the part read of an answer, in bytes.
	maxAnswer = 256 << 20
)

// New returns a Server. It does not ask it anything yet, but its files must be
// there.
func New(cfg Config) (*Server, error) {
	hc := promconfig.HTTPClientConfig{
		TLSConfig: promconfig.TLSConfig{CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile},
	}
	if cfg.TokenFile != "" {
		hc.Authorization = &promconfig.Authorization{Type: "Bearer", CredentialsFile: cfg.TokenFile}
	}
	if err := hc.Validate(); err != nil {
		return nil, fmt.Errorf("kube-apiserver's metrics: %w", err)
	}
	client, err := promconfig.NewClientFromConfig(hc, "kube-apiserver")
	if err != nil {
		return nil, fmt.Errorf("kube-apiserver's metrics: %w", err)
	}
	client.Timeout = timeout
	// A redirect could lead the token to another server.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Server{url: cfg.URL, client: client}, nil
}

// Ask returns the counters as they are now.
func (s *Server) Ask(ctx context.Context) (Counters, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return Counters{}, fmt.Errorf("ask kube-apiserver: %w", err)
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := s.client.Do(req)
	if err != nil {
		return Counters{}, fmt.Errorf("ask kube-apiserver: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Counters{}, fmt.Errorf("ask kube-apiserver: %s answers %s%s", s.url, resp.Status, remedy(resp.StatusCode))
	}
	c, err := parse(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Counters{}, fmt.Errorf("read the answer of %s: %w", s.url, err)
	}
	return c, nil
}

func remedy(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "; set --apiserver-metrics-token-file, or a client certificate"
	case http.StatusForbidden:
		return "; allow the user to get the nonResourceURL /metrics"
	}
	return ""
}

// The metrics that are read.
const (
	eventsMetric  = "apiserver_audit_event_total"
	errorsMetric  = "apiserver_audit_error_total"
	startedMetric = "process_start_time_seconds"
	buildMetric   = "kubernetes_build_info"
)

// sample is a line of one of them in the Prometheus text format: name, labels, value.
var sample = regexp.MustCompile(`^(` + eventsMetric + `|` + errorsMetric + `|` + startedMetric + `|` + buildMetric + `)(\{.*\})? +([0-9.eE+]+)`)

var version = regexp.MustCompile(`[{,]git_version="([0-9A-Za-z.+-]{1,64})"`)

// errNone is returned for an answer without the counter.
var errNone = errors.New("there is no " + eventsMetric + " in it: is this kube-apiserver's /metrics, and is auditing on?")

// maxMetricLine is longer than any line of these metrics; longer ones of others
// are skipped.
const maxMetricLine = 64 << 10

// parse reads the metrics. Of the errors only those of the log backend count.
func parse(r io.Reader) (Counters, error) {
	var c Counters
	found := false
	lines := bufio.NewReaderSize(r, maxMetricLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue // the rest of a long line begins like none of these metrics
		}
		if m := sample.FindSubmatch(line); m != nil {
			value, invalid := strconv.ParseFloat(string(m[3]), 64)
			switch name := string(m[1]); {
			case invalid != nil || value > 1<<53:
			case name == eventsMetric:
				c.Events, found = c.Events+int64(value), true
			case name == errorsMetric && bytes.Contains(m[2], []byte(`plugin="log"`)):
				c.Errors += int64(value)
			case name == startedMetric:
				c.Started = time.UnixMilli(int64(value * 1000)).UTC()
			case name == buildMetric:
				if m := version.FindSubmatch(m[2]); m != nil {
					c.Version = string(m[1])
				}
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Counters{}, err
		}
	}
	if !found {
		return Counters{}, errNone
	}
	return c, nil
}
