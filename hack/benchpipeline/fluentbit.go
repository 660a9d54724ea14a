package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// jsonSink is a Loki that takes pushes as JSON, which is how Fluent Bit sends
// them, and counts their entries.
type jsonSink struct{ entries atomic.Int64 }

// ServeHTTP implements http.Handler.
func (s *jsonSink) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var push struct {
		Streams []struct {
			Values []json.RawMessage `json:"values"`
		} `json:"streams"`
	}
	if err := json.NewDecoder(req.Body).Decode(&push); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, stream := range push.Streams {
		s.entries.Add(int64(len(stream.Values)))
	}
	w.WriteHeader(http.StatusNoContent)
}

// runFluentBit has Fluent Bit stream the log, with buffers that take its
// longest lines: as it comes, it gives up a file at a line over 32 KiB.
func runFluentBit(ctx context.Context, program, log string, lines int) (figure, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	sink := new(jsonSink)
	server := httptest.NewServer(sink)
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		return figure{}, fmt.Errorf("run Fluent Bit: %w", err)
	}
	host, port, err := net.SplitHostPort(target.Host)
	if err != nil {
		return figure{}, fmt.Errorf("run Fluent Bit: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-q", "-f", "0.3",
		"-i", "tail", "-p", "path="+log, "-p", "read_from_head=true", "-p", "buffer_chunk_size=1M", "-p", "buffer_max_size=32M",
		"-o", "loki", "-m", "*", "-p", "host="+host, "-p", "port="+port, "-p", "labels=job=audit", "-p", "drop_single_key=raw")
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return figure{}, fmt.Errorf("run Fluent Bit: %w", err)
	}
	waited := sink.wait(ctx, lines)
	f := figure{elapsed: time.Since(begin).Seconds()}
	stopErr := cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait() // it ends by the signal
	if err := errors.Join(waited, stopErr); err != nil {
		return figure{}, fmt.Errorf("run Fluent Bit: %w", err)
	}
	f.cpu, f.peak, err = usage(cmd)
	return f, err
}

// wait returns when all entries have come.
func (s *jsonSink) wait(ctx context.Context, lines int) error {
	for s.entries.Load() < int64(lines) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d lines came: %w", s.entries.Load(), lines, ctx.Err())
		case <-time.After(askEvery):
		}
	}
	return nil
}
