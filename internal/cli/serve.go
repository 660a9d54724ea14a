package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/grafana/dskit/services"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// serve runs the loops until ctx is done or one of them fails, then drains.
func (s *sidecar) serve(ctx context.Context, log rotate.Log, bucket *archive.Bucket) (err error) {
	server, err := admin.Listen(ctx, admin.Config{
		Address: s.settings.Listen, TLSAddress: s.settings.ListenTLS, WebConfig: s.settings.WebConfig, Pprof: s.settings.AdminPprof,
		Health: s.health, Metrics: s.registry, Report: s.report, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.log.Info().Str("address", server.Address()).Str("tlsAddress", server.TLSAddress()).Msg("listening")
	group := newGroup()
	defer func() { err = errors.Join(err, group.stop()) }()
	if err := group.start("listener", server.Run); err != nil {
		return err
	}
	st, err := s.awaitState(ctx, log)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before there was anything to do
		}
		return err
	}
	defer func() { err = errors.Join(err, st.unlock()) }()
	return s.work(ctx, log, bucket, st, group)
}

// work runs the loops over an opened state directory.
func (s *sidecar) work(ctx context.Context, log rotate.Log, bucket *archive.Bucket, st *state, group *group) error {
	s.confine(ctx, log, bucket, st)
	watcher, err := rotate.NewWatcher(log.Dir, rotate.WatcherConfig{
		Rescan:   s.settings.RescanInterval,
		OnChange: func(mode rotate.Mode, err error) { s.observeWatch(mode, err) },
	})
	if err != nil {
		return err
	}
	s.gaps.waiting(st.ledger.Gaps())
	loops, err := s.loops(log, bucket, st, watcher.Names(), watcher.Writes())
	if err != nil {
		return err
	}
	defer loops.hold.Close()
	s.working.Store(&working{st, loops})
	if err := s.firstPass(ctx, loops.hold); err != nil {
		return err
	}
	err = errors.Join(
		group.start("watcher", func(ctx context.Context) error { return ignoreCanceled(watcher.Run(ctx)) }),
		group.start("hold", loops.hold.Run),
		group.start("archive", loops.shipper.Run),
	)
	if loops.live != nil && err == nil {
		err = group.start("loki", loops.live.Run)
	}
	if err == nil {
		err = group.wait(ctx)
	}
	if err != nil {
		return errors.Join(err, group.stop())
	}
	s.log.Info().Dur("atMost", s.settings.ShutdownTimeout).Msg("stopping: sending what is left")
	if err := group.stop(); err != nil {
		return err
	}
	s.drain(context.WithoutCancel(ctx), loops)
	return nil
}

// firstPass holds everything that is there before a sink works on any of it:
// after a lost ledger the archive is asked about every finished file at once.
func (s *sidecar) firstPass(ctx context.Context, h *hold.Hold) error {
	for ctx.Err() == nil {
		err := h.Sync(ctx)
		s.held.Observe(err)
		if err == nil || durable.IsFatal(err) || errors.Is(err, hold.ErrStateGone) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(startRetry):
		}
	}
	return nil
}

// observeWatch tells the health of the watch. Without inotify the directory
// is polled, which is slower but loses nothing: that is ready, too.
func (s *sidecar) observeWatch(mode rotate.Mode, err error) {
	s.polling.Set(map[bool]float64{true: 1}[mode == rotate.ModePolling])
	if mode == rotate.ModePolling {
		s.log.Warn().Err(err).Msg("watch: no inotify watch can be had, polling the directory instead")
		err = nil
	}
	s.watch.Observe(err)
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// drain brings both sinks up to date in the time that is left. What does not
// get through is held and goes on at the next start.
func (s *sidecar) drain(ctx context.Context, l *loops) {
	ctx, cancel := context.WithTimeout(ctx, s.settings.ShutdownTimeout)
	defer cancel()
	if err := l.hold.Sync(ctx); err != nil {
		s.log.Warn().Err(err).Msg("stopping: could not look for rotated files once more")
	}
	var both sync.WaitGroup
	both.Go(func() { s.drained("archive", l.shipper.Sync(ctx)) })
	if l.live != nil {
		both.Go(func() { s.drained("loki", errors.Join(l.live.Sync(ctx), l.live.Close())) })
	}
	both.Wait()
}

func (s *sidecar) drained(loop string, err error) {
	if err != nil {
		s.log.Warn().Str("loop", loop).Err(err).Msg("stopping: not everything got through; it is held and goes on at the next start")
		return
	}
	s.log.Info().Str("loop", loop).Msg("stopped with nothing left to send")
}

// group starts and stops services in order.
type group struct {
	started []services.Service
	names   []string
	failed  *services.FailureWatcher
}

func newGroup() *group { return &group{failed: services.NewFailureWatcher()} }

// start runs one loop as a service until the group stops.
func (g *group) start(name string, run func(context.Context) error) error {
	service := services.NewBasicService(nil, run, nil)
	g.failed.WatchService(service)
	// The services do not end with the signal: they are stopped in order.
	if err := services.StartAndAwaitRunning(context.Background(), service); err != nil {
		return fmt.Errorf("start the %s: %w", name, err)
	}
	g.started, g.names = append(g.started, service), append(g.names, name)
	return nil
}

// wait returns nil when ctx is done and an error when a service has failed.
func (g *group) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.failed.Chan():
		return err
	}
}

// stopGrace bounds how long one service may take to notice that it is to stop.
const stopGrace = 5 * time.Second

// stop stops all services but the first (the listener, which answers until
// the process ends), the last started first. A second call stops the first.
func (g *group) stop() error {
	keep := 1
	if len(g.started) <= 1 {
		keep = 0
	}
	var errs []error
	for i := len(g.started) - 1; i >= keep; i-- {
		ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
		if err := services.StopAndAwaitTerminated(ctx, g.started[i]); err != nil {
			errs = append(errs, fmt.Errorf("stop the %s: %w", g.names[i], err))
		}
		cancel()
	}
	g.started, g.names = g.started[:keep], g.names[:keep]
	return errors.Join(errs...)
}
