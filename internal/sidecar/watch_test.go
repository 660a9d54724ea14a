package sidecar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// Without inotify the sidecar is ready all the same, and a metric says why it
// is slower.
func TestI8_PollingIsVisible(t *testing.T) {
	s := newSidecar(Config{Settings: config.Run{}, Log: zerolog.Nop()})
	for _, step := range []struct {
		mode rotate.Mode
		err  error
		want float64
	}{
		{rotate.ModeWatching, nil, 0},
		{rotate.ModePolling, errors.New("too many open files"), 1},
		{rotate.ModeWatching, nil, 0},
	} {
		s.events.observeWatch(step.mode, step.err)
		if got := testutil.ToFloat64(s.events.polling); got != step.want {
			t.Errorf("%v: watch_polling %v, want %v", step.mode, got, step.want)
		}
	}
}

// The start and the watch report when something changes. That they are silent
// for hours, as nothing does, is no reason for kubelet to restart the process;
// that another loop is, is one.
func TestLivezInTheLongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSidecar(Config{Settings: config.Run{Loki: config.Loki{URL: "http://loki:3100"}}, Log: zerolog.Nop()})
		for _, loop := range []*admin.Loop{s.events.loops.begin, s.events.loops.watch, s.events.loops.held, s.events.loops.ship, s.events.loops.stream} {
			loop.Observe(nil)
		}
		time.Sleep(3 * time.Hour)
		if got := livez(t, s); got != http.StatusInternalServerError {
			t.Errorf("all loops hang: %d", got)
		}
		for _, loop := range []*admin.Loop{s.events.loops.held, s.events.loops.ship, s.events.loops.stream} {
			loop.Observe(nil)
		}
		if got := livez(t, s); got != http.StatusOK {
			t.Errorf("all loops turn: %d", got)
		}
	})
}

// Files that are archived one after another, and an upload that takes all that the
// line gives, keep the archive's loop alive: kubelet does not kill a sidecar that
// works off an outage.
func TestLivezWhileTheArchiveCatchesUp(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 1<<20)
	work := put(t, filepath.Join(t.TempDir(), "work"), content)
	sum := sha256.Sum256(content)
	synctest.Test(t, func(t *testing.T) {
		s := newSidecar(Config{Settings: config.Run{}, Log: zerolog.Nop()})
		objects := &store{bucket: dirBucket(t, t.TempDir()), success: s.stored, alive: s.events.loops.ship.Alive}
		for what, goesOn := range map[string]func(){
			"a file":    func() { archiveEvents{s.events}.File("archived", ledger.Entry{}) },
			"an upload": func() { must(t, objects.Put(t.Context(), "data/x", work, 1<<20, hex.EncodeToString(sum[:]))) },
		} {
			time.Sleep(time.Hour)
			s.events.loops.begin.Observe(nil)
			s.events.loops.watch.Observe(nil)
			s.events.loops.held.Observe(nil)
			if got := livez(t, s); got != http.StatusInternalServerError {
				t.Errorf("nothing for an hour: %d", got)
			}
			goesOn()
			if got := livez(t, s); got != http.StatusOK {
				t.Errorf("after %s: %d", what, got)
			}
		}
	})
}

// livez asks the sidecar's own server.
func livez(t *testing.T, s *Sidecar) (code int) {
	t.Helper()
	server, err := admin.Listen(t.Context(), admin.Config{Address: "127.0.0.1:0", Health: s.health, Metrics: s.registry, Report: s.report})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + server.Address() + "/livez")
	must(t, err)
	must(t, resp.Body.Close())
	cancel()
	must(t, <-done)
	return resp.StatusCode
}
