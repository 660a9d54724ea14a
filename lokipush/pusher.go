package lokipush

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/grafana/dskit/backoff"
)

// Defaults of a Pusher.
const (
	// DefaultMinBackoff is the shortest wait after a failed attempt.
	DefaultMinBackoff = 100 * time.Millisecond
	// DefaultMaxBackoff is the longest wait between attempts at a server that may come back any time.
	DefaultMaxBackoff = 10 * time.Second
	// DefaultStopInterval is the wait between attempts when only a changed configuration can help.
	DefaultStopInterval = 30 * time.Second
	// DefaultDownAfter is how long attempts fail before OnDown is called.
	DefaultDownAfter = 2 * time.Second

	// splitAfterLimited is how many 429 in a row halve a batch: a push larger than the burst of the
	// tenant's rate limit would never pass. Below splitMinBytes no sensible burst is the cause.
	splitAfterLimited = 5
	splitMinBytes     = 256 << 10
)

// PusherConfig is how a Pusher waits and whom it tells. Zero values mean the defaults; all hooks
// may be nil. Hooks are called one at a time except OnAttempt, and must return soon.
type PusherConfig struct {
	// Backoff between attempts, with jitter. MaxRetries 0 means never to give up, which is what keeps
	// the cursor from passing a line that was not accepted.
	Backoff backoff.Config
	// StopInterval is the wait after an answer with Decision Stop.
	StopInterval time.Duration
	// FailOnStop has Deliver return the error of such an answer instead: for someone who is there to
	// change the configuration.
	FailOnStop bool
	// DownAfter is how long attempts must fail before OnDown is called; negative: at once.
	DownAfter time.Duration
	// OnDown is called once when nothing has been accepted for DownAfter, or at once for Decision
	// Stop; a second time in the same outage only when it turns from Retry to Stop.
	OnDown func(err error)
	// OnUp is called once when Loki takes pushes again, if OnDown was called, with the time since the
	// first failed attempt.
	OnUp func(downFor time.Duration)
	// OnAttempt is called after every attempt, from several goroutines when several deliver.
	OnAttempt func(Attempt)
}

// Attempt is one push that was tried.
type Attempt struct {
	Entries  int
	Bytes    int // uncompressed
	Duration time.Duration
	Err      error // nil when accepted; see DecisionOf
}

// Pusher delivers batches: it retries, splits, and finds the entries that Loki will never take. It
// is safe for concurrent use with different batches, and all of them share one view of whether
// Loki is up.
type Pusher struct {
	client *Client
	cfg    PusherConfig
	health health
}

// NewPusher returns a pusher over client. It fails for negative waits.
func NewPusher(client *Client, cfg PusherConfig) (*Pusher, error) {
	if cfg.Backoff.MinBackoff < 0 || cfg.Backoff.MaxBackoff < 0 || cfg.Backoff.MaxRetries < 0 || cfg.StopInterval < 0 {
		return nil, errors.New("create pusher: backoff, retries and intervals must not be negative")
	}
	if cfg.Backoff.MinBackoff == 0 {
		cfg.Backoff.MinBackoff = DefaultMinBackoff
	}
	if cfg.Backoff.MaxBackoff == 0 {
		cfg.Backoff.MaxBackoff = max(DefaultMaxBackoff, cfg.Backoff.MinBackoff)
	}
	if cfg.Backoff.MinBackoff > cfg.Backoff.MaxBackoff {
		return nil, fmt.Errorf("create pusher: minimum backoff %s is longer than the maximum %s",
			cfg.Backoff.MinBackoff, cfg.Backoff.MaxBackoff)
	}
	if cfg.StopInterval == 0 {
		cfg.StopInterval = DefaultStopInterval
	}
	if cfg.DownAfter == 0 {
		cfg.DownAfter = DefaultDownAfter
	}
	p := &Pusher{client: client, cfg: cfg}
	p.health = health{after: cfg.DownAfter, onDown: cfg.OnDown, onUp: cfg.OnUp}
	return p, nil
}

// settle tries one batch until there is an answer that waiting will not change: nil for accepted,
// or the answer for which it must be divided. If a refusal in unknown words is to count as Stop, it
// returns that answer after the wait for one.
func (p *Pusher) settle(ctx context.Context, b Payload, unknownStops bool) (*StatusError, error) {
	wait := backoff.New(ctx, p.cfg.Backoff)
	var last error
	for limited := 0; wait.Ongoing(); {
		last = p.attempt(ctx, b, unknownStops)
		status, _ := errors.AsType[*StatusError](last)
		switch decision := DecisionOf(last); {
		case decision == Accepted:
			return nil, nil
		case decision == Split, decision == Refused:
			return status, nil
		case decision == Stop && p.cfg.FailOnStop:
			return nil, fmt.Errorf("deliver %d entries to Loki: %w", b.Len(), last)
		case status != nil && status.Code == http.StatusTooManyRequests:
			if limited++; limited >= splitAfterLimited && b.Len() > 1 && b.Bytes() > splitMinBytes {
				return status, nil
			}
		default:
			limited = 0
		}
		if delay := p.delay(wait, status); wait.Ongoing() {
			select {
			case <-ctx.Done():
			case <-time.After(delay):
			}
		}
		if status != nil && status.unexplained() && ctx.Err() == nil {
			return status, nil
		}
	}
	return nil, fmt.Errorf("deliver %d entries to Loki: %w", b.Len(), errors.Join(wait.ErrCause(), last))
}

// attempt pushes once and calls the hooks.
func (p *Pusher) attempt(ctx context.Context, b Payload, unknownStops bool) error {
	start := time.Now()
	err := p.client.Push(ctx, b)
	if err != nil && ctx.Err() != nil {
		return err // given up by the caller: says nothing about Loki
	}
	status, _ := errors.AsType[*StatusError](err)
	unexplained := status != nil && status.unexplained()
	if unexplained && unknownStops {
		err = status.asStop()
	}
	if p.cfg.OnAttempt != nil {
		p.cfg.OnAttempt(Attempt{Entries: b.Len(), Bytes: b.Bytes(), Duration: time.Since(start), Err: err})
	}
	switch DecisionOf(err) {
	case Retry, Stop:
		p.health.failed(err, start)
	default:
		if !unexplained {
			p.health.worked()
		}
	}
	return err
}

// delay is the wait before the next attempt: the backoff, or longer where the server asked for it
// or where only a changed configuration can help.
func (p *Pusher) delay(wait *backoff.Backoff, status *StatusError) time.Duration {
	delay := wait.NextDelay()
	if status == nil {
		return delay
	}
	if status.Decision == Stop {
		delay = max(delay, p.cfg.StopInterval)
	}
	return max(delay, status.RetryAfter)
}
