// Package durabletest stops the disk under a [durable.FS] after a number of effects, for tests: the
// process alone ([CrashAfter]), or the machine with all that was not synced ([PowerLoss]).
package durabletest

import (
	"errors"
	"sync/atomic"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// ErrCrash is returned by a crash-injecting hook for the effect at which the
// machine is said to have stopped, and for every one after it.
var ErrCrash = errors.New("injected crash")

// CrashAfter returns a hook that applies the first n effects and then answers
// [ErrCrash] to every other one. It is safe for concurrent use.
func CrashAfter(n int64) durable.Hook {
	var seen atomic.Int64
	return func(_ durable.Effect, apply func() error) error {
		if seen.Add(1) > n {
			return ErrCrash
		}
		return apply()
	}
}
