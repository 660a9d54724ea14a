package replay

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/search"
	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// LokiConfig configures a [Loki].
type LokiConfig struct {
	Client *lokipush.Client
	// Labels of all lines: those of run, with a job of their own.
	Labels map[string]string
	// Redact returns the line as it may leave; nil: as it is.
	Redact func(dst, line []byte) ([]byte, bool)
	// MaxLineBytes is the longest line that Loki accepts.
	MaxLineBytes int
	// OnDown, if not nil, is called once when Loki has not answered for some seconds; it is
	// tried for as long as that lasts.
	OnDown func(err error)
}

// Loki pushes lines, one stream for each cluster and node. It is not safe for
// concurrent use.
type Loki struct {
	cfg     LokiConfig
	pusher  *lokipush.Pusher
	batch   *lokipush.Batch
	probed  bool // Loki has accepted a line
	sent    int64
	refused map[lokipush.Reason]int64
	failing time.Time // since when attempts fail
	down    bool      // OnDown was called since
	fields  lokipush.Fields
	// memory of the last redacted and of the last shrunk line
	redacted, shrunk []byte
}

// NewLoki returns a Loki that has sent nothing yet.
func NewLoki(cfg LokiConfig) *Loki {
	l := &Loki{cfg: cfg, refused: map[lokipush.Reason]int64{}}
	l.pusher = lokipush.NewPusher(cfg.Client, lokipush.PusherConfig{FailOnStop: true, OnAttempt: l.attempted})
	return l
}

// downAfter is how long attempts fail before OnDown is called.
const downAfter = 2 * time.Second

// attempted calls OnDown once in an outage.
func (l *Loki) attempted(a lokipush.Attempt) {
	now := time.Now()
	switch {
	case lokipush.DecisionOf(a.Err) != lokipush.Retry:
		l.failing, l.down = time.Time{}, false
		return
	case l.failing.IsZero():
		l.failing = now.Add(-a.Duration)
	}
	if !l.down && now.Sub(l.failing) >= downAfter && l.cfg.OnDown != nil {
		l.down = true
		l.cfg.OnDown(a.Err)
	}
}

// Begin starts the stream of a node, after the rest of the one before.
func (l *Loki) Begin(ctx context.Context, cluster, node string) error {
	if err := l.Flush(ctx); err != nil {
		return err
	}
	labels := maps.Clone(l.cfg.Labels)
	labels["cluster"], labels["node"] = cluster, node
	stream, err := lokipush.NewLabels(labels)
	l.batch = lokipush.NewBatch(stream)
	return err
}

// Add sends a line, now or with others.
func (l *Loki) Add(ctx context.Context, line search.Line) error {
	l.fields.Set(line.Event)
	text := line.Bytes
	if l.cfg.Redact != nil {
		if replaced, changed := l.cfg.Redact(l.redacted[:0], text); changed {
			l.redacted, text = replaced, replaced
		}
	}
	if len(text) > l.cfg.MaxLineBytes {
		l.shrunk = shrink.Line(text, l.cfg.MaxLineBytes, l.shrunk)
		text = l.shrunk
	}
	for !l.batch.Add(line.Time, text, &l.fields) {
		if err := l.Flush(ctx); err != nil {
			return err
		}
	}
	if !l.probed {
		return l.probe(ctx, line.Time)
	}
	return nil
}

// probe sends the first line alone, to learn whether Loki takes lines so old.
func (l *Loki) probe(ctx context.Context, at time.Time) error {
	if err := l.Flush(ctx); err != nil {
		return err
	}
	if l.refused[lokipush.ReasonTooOld] > 0 {
		age := time.Since(at).Truncate(time.Hour)
		return fmt.Errorf("replay into Loki: it refuses lines of %s: raise limits_config.reject_old_samples_max_age above %dh, and retention_period above that, or set reject_old_samples: false, for this tenant; nothing was stored", at.Format(time.RFC3339), int(age.Hours())+1)
	}
	l.probed = true
	return nil
}

// Flush sends the waiting lines.
func (l *Loki) Flush(ctx context.Context) error {
	if l.batch == nil || l.batch.Len() == 0 {
		return nil
	}
	refusals, err := l.pusher.Deliver(ctx, l.batch)
	if err != nil {
		return fmt.Errorf("replay into Loki: %w", err)
	}
	for _, r := range refusals {
		l.refused[r.Reason]++
	}
	l.sent += int64(l.batch.Len() - len(refusals))
	l.batch.Reset()
	return nil
}

// Sent returns how many lines Loki has accepted.
func (l *Loki) Sent() int64 { return l.sent }

// Refused returns how many lines Loki will never take, by reason.
func (l *Loki) Refused() map[lokipush.Reason]int64 { return maps.Clone(l.refused) }
