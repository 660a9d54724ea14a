package sidecar

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// --once logs within seconds the cause of its wait, and until when: of a sink that
// refuses, and of one that does not answer at all.
func TestOnceSaysWhatItWaitsFor(t *testing.T) {
	for name, test := range map[string]struct {
		try  func(context.Context) error
		want string
	}{
		"refuses": {func(context.Context) error { return errors.New("connection refused") }, "connection refused"},
		"hangs":   {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "waiting"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out audittest.Log
				s := &Sidecar{Config: Config{Log: zerolog.New(&out)}}
				giveUp := time.Now().Add(onceTimeout)
				ended := make(chan error, 1)
				go func() { ended <- s.retryWhile(t.Context(), "archive", onceTimeout, test.try) }()
				time.Sleep(onceQuiet + time.Second)
				synctest.Wait()
				for _, want := range []string{test.want, `"sink":"archive"`, giveUp.Format(zerolog.TimeFieldFormat)} {
					if !strings.Contains(out.String(), want) {
						t.Errorf("after %s the log does not have %q:\n%s", onceQuiet, want, out.String())
					}
				}
				if err := <-ended; err == nil || time.Now().Before(giveUp) {
					t.Errorf("ended with %v at %s, want an error at %s", err, time.Now(), giveUp)
				}
			})
		})
	}
}
