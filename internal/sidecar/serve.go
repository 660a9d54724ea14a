package sidecar

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// serve runs the loops until ctx is done or one of them fails, then drains.
func (s *Sidecar) serve(ctx context.Context) (err error) {
	server, err := admin.Listen(ctx, admin.Config{
		Address: s.Settings.Listen, Hosts: s.Settings.ListenHosts, TLSAddress: s.Settings.ListenTLS, WebConfig: s.Settings.WebConfig, Pprof: s.Settings.AdminPprof,
		Health: s.health, Metrics: s.registry, Report: s.report, Log: s.Log,
	})
	if err != nil {
		return err
	}
	s.Log.Info().Str("address", server.Address()).Str("tlsAddress", server.TLSAddress()).Msg("listening")
	running := &group{failed: make(chan struct{}, 1)}
	running.start("listener", server.Run)
	defer func() { err = errors.Join(err, running.stop(0)) }()

	var st *state
	err = await(ctx, s.events.loops.begin, func() (err error) {
		st, err = s.openState()
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped before there was anything to do
		}
		return err
	}
	defer func() { err = errors.Join(err, st.unlock()) }()
	return s.work(ctx, st, running)
}

// work runs the loops over an opened state directory.
func (s *Sidecar) work(ctx context.Context, st *state, running *group) error {
	s.confine(st)
	watcher, err := rotate.NewWatcher(s.audit.Dir, rotate.WatcherConfig{Rescan: s.Settings.RescanInterval, OnChange: s.events.observeWatch})
	if err != nil {
		return err
	}
	s.events.gaps.waiting(st.ledger.Gaps())
	w, err := s.wire(st, watcher.Names(), watcher.Writes())
	if err != nil {
		return err
	}
	defer w.hold.Close()
	s.working.Store(w)
	// Everything is held before a sink works on any of it: after a lost ledger the
	// archive is asked about every finished file at once.
	if err := await(ctx, s.events.loops.held, func() error { return w.hold.Sync(ctx) }); err != nil && ctx.Err() == nil {
		return err
	}
	running.start("watcher", watcher.Run)
	running.start("hold", w.hold.Run)
	running.start("intake", w.intake.Run)
	running.start("archive", w.shipper.Run)
	if w.live != nil {
		running.start("loki", w.live.Run)
	}
	select {
	case <-ctx.Done():
		s.Log.Info().Dur("atMost", s.Settings.ShutdownTimeout).Msg("stopping: sending the backlog")
	case <-running.failed:
	}
	if err := running.stop(1); err != nil || ctx.Err() == nil { // the listener answers until the process ends
		return err
	}
	s.drain(context.WithoutCancel(ctx), w)
	return nil
}

// startRetry is the time between two attempts to start.
const startRetry = 2 * time.Second

// await calls try until it succeeds, fails for good or ctx is done. The audit
// directory may be missing, or another sidecar may have it: exiting would only
// make kubelet start the same again.
func await(ctx context.Context, loop *admin.Loop, try func() error) error {
	for {
		err := try()
		loop.Observe(err)
		if err == nil || durable.IsFatal(err) || errors.Is(err, hold.ErrStateGone) || errors.Is(err, ledger.ErrNewer) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped while waiting: %w", err)
		case <-time.After(startRetry):
		}
	}
}

// drain brings both sinks up to date in the time left. The rest stays held for
// the next start.
func (s *Sidecar) drain(ctx context.Context, w *working) {
	ctx, cancel := context.WithTimeout(ctx, s.Settings.ShutdownTimeout)
	defer cancel()
	if err := w.hold.Sync(ctx); err != nil {
		s.Log.Warn().Err(err).Msg("stopping: cannot list the audit directory once more")
	}
	drained := func(loop string, err error) {
		if err != nil {
			s.Log.Warn().Str("loop", loop).Err(err).Msg("stopping: backlog remains; it is kept on disk and sent after restart")
			return
		}
		s.Log.Info().Str("loop", loop).Msg("stopped with nothing left to send")
	}
	var both sync.WaitGroup
	both.Go(func() { drained("archive", w.shipper.Sync(ctx)) })
	if w.live != nil {
		both.Go(func() { drained("loki", errors.Join(w.live.Sync(ctx), w.live.Close())) })
	}
	both.Wait()
}

// group starts loops, and stops them in reverse order.
type group struct {
	loops  []loop
	failed chan struct{} // receives once a loop has failed
}

type loop struct {
	name string
	stop context.CancelFunc
	done chan error
}

// start runs one loop until the group stops: not with the signal, since the
// loops stop in order.
func (g *group) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := loop{name, cancel, make(chan error, 1)}
	g.loops = append(g.loops, l)
	go func() {
		err := run(ctx)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			err = nil
		}
		l.done <- err
		if err != nil {
			select {
			case g.failed <- struct{}{}:
			default:
			}
		}
	}()
}

// stopGrace bounds how long one loop may take to stop.
const stopGrace = 5 * time.Second

// stop stops all loops but the first keep, and returns their errors.
func (g *group) stop(keep int) error {
	var errs []error
	for len(g.loops) > keep {
		l := g.loops[len(g.loops)-1]
		g.loops = g.loops[:len(g.loops)-1]
		l.stop()
		select {
		case err := <-l.done:
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
			}
		case <-time.After(stopGrace):
			errs = append(errs, fmt.Errorf("%s: still running %s after it was stopped", l.name, stopGrace))
		}
	}
	return errors.Join(errs...)
}
