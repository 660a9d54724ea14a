package sidecar

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// --once says within seconds what it waits for, and until when: of a sink that
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
				var out lockedBuffer
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

// lockedBuffer may be read while a logger writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
