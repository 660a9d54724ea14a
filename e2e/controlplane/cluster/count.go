package cluster

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
)

// Count has kube-apiserver's counts of its audit events since it started.
type Count struct {
	// AuditID is that of the request that asked: its own event is counted and
	// written right after the answer. In the log it marks the position up to which
	// the count goes.
	AuditID string
	// Events is apiserver_audit_event_total: each event just before it is
	// handed to the plugins.
	Events int64
	// Errors is apiserver_audit_error_total, all plugins: each event that one
	// of them did not take or write.
	Errors int64
}

// Count reads the counters from /metrics.
func (a *APIServer) Count(ctx context.Context) (Count, error) {
	client, err := rest.HTTPClientFor(a.rest())
	if err != nil {
		return Count{}, fmt.Errorf("read the counters: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url()+"/metrics", nil)
	if err != nil {
		return Count{}, fmt.Errorf("read the counters: %w", err)
	}
	c := Count{AuditID: "e2e-count-" + rand.Text()}
	req.Header.Set("Audit-ID", c.AuditID)
	resp, err := client.Do(req)
	if err != nil {
		return Count{}, fmt.Errorf("read the counters: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Count{}, fmt.Errorf("read the counters: status %d", resp.StatusCode)
	}
	if err := c.parse(resp.Body); err != nil {
		return Count{}, fmt.Errorf("read the counters: %w", err)
	}
	return c, nil
}

// parse adds up the two counters over their labels.
func (c *Count) parse(body io.Reader) error {
	seen := false
	s := bufio.NewScanner(body)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		name, _, _ := strings.Cut(s.Text(), "{")
		name, _, _ = strings.Cut(name, " ")
		var sum *int64
		switch name {
		case "apiserver_audit_event_total":
			sum, seen = &c.Events, true
		case "apiserver_audit_error_total":
			sum = &c.Errors
		default:
			continue
		}
		value, err := strconv.ParseFloat(s.Text()[strings.LastIndexByte(s.Text(), ' ')+1:], 64)
		if err != nil {
			return fmt.Errorf("%q: %w", s.Text(), err)
		}
		*sum += int64(value)
	}
	if err := s.Err(); err != nil {
		return err
	}
	if !seen {
		return fmt.Errorf("there is no apiserver_audit_event_total; is there an audit policy?")
	}
	return nil
}
