package sidecar

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pollEvery is how often a waiting call looks again.
const pollEvery = 25 * time.Millisecond

// Get fetches a path of the admin server.
func (p *Process) Get(ctx context.Context, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	if err != nil {
		return 0, "", fmt.Errorf("get %s: %w", path, err)
	}
	req.Close = true // a connection for each probe, as kubelet does: an idle one may be closed by the server
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("get %s: %w", path, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return 0, "", fmt.Errorf("read %s: %w", path, err)
	}
	return resp.StatusCode, string(content), nil
}

// Metrics returns the values of /metrics by name, summed over labels.
func (p *Process) Metrics(ctx context.Context) (map[string]float64, error) {
	status, body, err := p.Get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("get /metrics: status %d", status)
	}
	return parseMetrics(body)
}

// parseMetrics reads the text format as far as sums need it.
func parseMetrics(body string) (map[string]float64, error) {
	sums := make(map[string]float64)
	s := bufio.NewScanner(strings.NewReader(body))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		line := s.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			return nil, fmt.Errorf("read metrics: no value in %q", line)
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %q: %w", line, err)
		}
		name, _, _ := strings.Cut(line[:at], "{")
		sums[name] += value
	}
	return sums, s.Err()
}

// WaitMetrics asks for the metrics until done says so; an unreachable server
// only means: not yet. The error has the last values of the named metrics.
func (p *Process) WaitMetrics(ctx context.Context, done func(map[string]float64) bool, names ...string) (map[string]float64, error) {
	var last map[string]float64
	err := p.poll(ctx, func() bool {
		m, err := p.Metrics(ctx)
		if err != nil {
			return false
		}
		last = m
		return done(m)
	})
	if err != nil {
		var shown bytes.Buffer
		for _, n := range names {
			fmt.Fprintf(&shown, " %s=%v", n, last[n])
		}
		return last, fmt.Errorf("wait for metrics:%s: %w", shown.String(), err)
	}
	return last, nil
}

// WaitReady waits until /readyz answers 200 (ready true) or anything else from
// a server that is up (false), with all of the texts in its body.
func (p *Process) WaitReady(ctx context.Context, ready bool, texts ...string) (body string, err error) {
	var status int
	err = p.poll(ctx, func() bool {
		s, b, err := p.Get(ctx, "/readyz")
		if err != nil {
			return false
		}
		status, body = s, b
		for _, t := range texts {
			if !strings.Contains(b, t) {
				return false
			}
		}
		return (s == http.StatusOK) == ready
	})
	if err != nil {
		return body, fmt.Errorf("wait for ready=%v: last answer %d %q: %w", ready, status, body, err)
	}
	return body, nil
}

// errEnded is the reason when the process ends while something waits for it.
var errEnded = errors.New("the process has ended")

// poll calls done until it answers true, ctx is done or the process has ended.
func (p *Process) poll(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return fmt.Errorf("%w with code %d; its log ends: %s", errEnded, p.cmd.ProcessState.ExitCode(), tail(p.Log(), 2000))
		case <-tick.C:
		}
	}
}

// tail returns the last n bytes of s.
func tail(s string, n int) string {
	return s[max(0, len(s)-n):]
}
