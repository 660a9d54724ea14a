package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grafana/dskit/backoff"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// onceTimeout bounds how long --once waits for a sink that does not answer.
const onceTimeout = 2 * time.Minute

// once archives finished files, streams to the end of the log, and reports
// failures. A sink that is unavailable for a moment is tried again.
func (s *Sidecar) once(ctx context.Context) (err error) {
	st, err := s.openState()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.unlock()) }()
	s.confine(st)
	w, err := s.wire(st, nil, nil)
	if err != nil {
		return err
	}
	defer w.hold.Close()
	if err := w.hold.Sync(ctx); err != nil {
		return err
	}
	err = s.retryWhile(ctx, "archive", onceTimeout, w.shipper.Sync)
	if w.live != nil {
		streamed := s.retryWhile(ctx, "loki", onceTimeout, w.live.Sync)
		err = errors.Join(err, streamed, w.live.Close())
	}
	err = errors.Join(err, w.hold.Sync(ctx)) // let go of released files
	return errors.Join(err, quarantined(st))
}

// onceQuiet is how long --once waits for a sink without a word.
const onceQuiet = 3 * time.Second

// retryWhile tries again until it works, for at most a time; an archive that
// says that trying again is no use is believed. It logs the cause of each wait.
func (s *Sidecar) retryWhile(ctx context.Context, sink string, atMost time.Duration, try func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	waiting := s.Log.With().Str("sink", sink).Time("givesUpAt", time.Now().Add(atMost)).Logger()
	quiet := time.AfterFunc(onceQuiet, func() { waiting.Warn().Msg("the sink is not up to date yet: waiting") })
	defer quiet.Stop()
	retry := backoff.New(bounded, backoff.Config{MinBackoff: 500 * time.Millisecond, MaxBackoff: 10 * time.Second})
	var last error
	for retry.Ongoing() {
		err := try(bounded)
		if err == nil || archive.Permanent(err) {
			return err
		}
		if last == nil {
			waiting.Warn().Err(err).Msg("the sink is unavailable: trying again")
		}
		if bounded.Err() == nil || last == nil {
			last = err
		}
		retry.Wait()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("stopped: %w", errors.Join(ctx.Err(), last))
	}
	return fmt.Errorf("gave up after %s: %w", atMost, last)
}

// quarantined makes the files that could not be archived an error of --once, but for
// damaged .gz files: all that can be done is done, and the gap is recorded.
func quarantined(st *state) error {
	var errs []error
	for _, e := range st.ledger.Entries() {
		if e.Reason != "" && !e.Damaged() {
			errs = append(errs, fmt.Errorf("%s is quarantined (held as %s): %s", e.Name, e.ID, e.Reason))
		}
	}
	return errors.Join(errs...)
}
