package parallel

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Results come in order, whatever takes longest, and no more are made at once than asked for.
func TestInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		var got, started []int
		InOrder(t.Context(), 3, 10, func(i int) func() int {
			started = append(started, i)
			return func() int {
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Duration(10-i) * time.Second)
				now.Add(-1)
				return i
			}
		}, func(i int) { got = append(got, i) })
		want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
		if !slices.Equal(got, want) || !slices.Equal(started, want) || most.Load() != 3 {
			t.Errorf("started %v, got %v, %d at once; want 3", started, got, most.Load())
		}
	})
}

// When the context ends, everything that was started is taken, and no more.
func TestInOrderStops(t *testing.T) {
	for _, j := range []Jobs{1, 2, 5} {
		ctx, cancel := context.WithCancel(t.Context())
		var started, taken atomic.Int32
		InOrder(ctx, j, 100, func(i int) func() int {
			started.Add(1)
			return func() int { return i }
		}, func(i int) {
			if taken.Add(1); i == 3 {
				cancel()
			}
		})
		if started.Load() != taken.Load() || taken.Load() < 4 || taken.Load() > 4+2*int32(j) {
			t.Errorf("%d jobs: %d started, %d taken", j, started.Load(), taken.Load())
		}
	}
}
