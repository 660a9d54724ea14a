package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
)

// writeProfile writes a CPU profile of the steady run to the file of -profile:
// `go tool pprof -top -cum FILE` shows where its time goes.
func (s *session) writeProfile(ctx context.Context) error {
	t := s.trials[0]
	k := t.steady
	result := make(chan error, 1)
	k.started = func(url string) {
		go func() { result <- fetchProfile(ctx, url, s.steady, s.profile) }()
	}
	if _, err := t.run(ctx, k); err != nil {
		return err
	}
	return <-result
}

// fetchProfile profiles a process for some time.
func fetchProfile(ctx context.Context, url string, length time.Duration, path string) error {
	status, body, err := process.Get(ctx, http.DefaultClient, fmt.Sprintf("%s/debug/pprof/profile?seconds=%.0f", url, length.Seconds()))
	if err == nil && status != http.StatusOK {
		err = errors.New(string(body))
	}
	if err != nil {
		return fmt.Errorf("fetch the profile: %w", err)
	}
	return os.WriteFile(path, body, 0o600)
}
