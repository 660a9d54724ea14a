package lokipush

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/grafana/dskit/backoff"
)

const (
	// minBackoff is the shortest wait after a failed attempt, maxBackoff the longest
	// between attempts at a server that may come back any time.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 10 * time.Second
	// stopInterval is the wait between attempts when only a changed configuration can help.
	stopInterval = 30 * time.Second

	// splitAfterLimited is how many 429 in a row halve a batch, even if the answer does not say that
	// the batch is too large: a push larger than the burst of the tenant's rate limit never passes.
	splitAfterLimited = 5
	// dropAfterLimited is how many answers of the rate limit in a row, in about two minutes, refuse a single
	// entry: if it is larger than the limit, or if Loki accepted as many other pushes meanwhile.
	dropAfterLimited = 20
)

// PusherConfig configures a Pusher beside delivery.
type PusherConfig struct {
	// FailOnStop has Deliver return the error of an answer with Decision Stop, instead of trying
	// again slowly: for someone who is there to change the configuration.
	FailOnStop bool
	// OnAttempt, if not nil, is called after every attempt, from several goroutines when several
	// deliver. It must return soon.
	OnAttempt func(Attempt)
}

// Attempt is one push that was tried.
type Attempt struct {
	Bytes    int // uncompressed
	Duration time.Duration
	Err      error // nil when accepted; see DecisionOf
}

// Pusher delivers batches: it retries, splits, and finds the entries that Loki will never take. It
// is safe for concurrent use with different batches.
type Pusher struct {
	client  *Client
	cfg     PusherConfig
	backoff backoff.Config // between attempts, with jitter; it never gives up

	accepted atomic.Int64 // pushes
}

// NewPusher returns a pusher over client.
func NewPusher(client *Client, cfg PusherConfig) *Pusher {
	return &Pusher{client: client, cfg: cfg, backoff: backoff.Config{MinBackoff: minBackoff, MaxBackoff: maxBackoff}}
}

// settle tries one batch until there is an answer that waiting will not change: nil for accepted,
// or the answer for which it must be divided. If a refusal in unknown words is to count as Stop, it
// returns that answer after the wait for one.
func (p *Pusher) settle(ctx context.Context, b Payload, unknownStops bool) (*StatusError, error) {
	wait := backoff.New(ctx, p.backoff)
	var last error
	before := p.accepted.Load()
	for limited := int64(0); wait.Ongoing(); {
		last = p.attempt(ctx, b, unknownStops)
		status, _ := errors.AsType[*StatusError](last)
		isLimited := status != nil && status.Reason == ReasonRateLimited
		switch decision := DecisionOf(last); {
		case decision == Accepted:
			p.accepted.Add(1)
			return nil, nil
		case decision == Refused, decision == Split && !(isLimited && b.Len() == 1):
			return status, nil
		case decision == Stop && p.cfg.FailOnStop:
			return nil, fmt.Errorf("deliver %d entries to Loki: %w", b.Len(), last)
		case status != nil && status.Code == http.StatusTooManyRequests:
			limited++
			never := isLimited && limited >= dropAfterLimited && (decision == Split || p.accepted.Load()-before >= limited)
			if never || limited >= splitAfterLimited && b.Len() > 1 {
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

// attempt pushes once and calls the hook.
func (p *Pusher) attempt(ctx context.Context, b Payload, unknownStops bool) error {
	start := time.Now()
	err := p.client.Push(ctx, b)
	if err != nil && ctx.Err() != nil {
		return err // given up by the caller: says nothing about Loki
	}
	if status, ok := errors.AsType[*StatusError](err); ok && status.unexplained() && unknownStops {
		err = status.asStop()
	}
	if p.cfg.OnAttempt != nil {
		p.cfg.OnAttempt(Attempt{Bytes: b.Bytes(), Duration: time.Since(start), Err: err})
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
		delay = max(delay, stopInterval)
	}
	return max(delay, status.RetryAfter)
}
