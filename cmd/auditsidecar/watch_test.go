package main

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// Without inotify the sidecar is ready all the same, and a metric says why it
// is slower.
func TestI8_PollingIsVisible(t *testing.T) {
	s := newSidecar(config.Run{}, "test", zerolog.Nop())
	for _, step := range []struct {
		mode rotate.Mode
		err  error
		want float64
	}{
		{rotate.ModeWatching, nil, 0},
		{rotate.ModePolling, errors.New("too many open files"), 1},
		{rotate.ModeWatching, nil, 0},
	} {
		s.observeWatch(step.mode, step.err)
		if got := testutil.ToFloat64(s.polling); got != step.want {
			t.Errorf("%v: watch_polling %v, want %v", step.mode, got, step.want)
		}
	}
}
