package sidecar

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// shownGaps is how many breaks the status page shows.
const shownGaps = 20

// gaps counts the breaks in the log by reason, and remembers the last ones.
// It is safe for concurrent use.
type gaps struct {
	total *prometheus.CounterVec

	mu   sync.Mutex
	last []admin.Gap // the oldest first
}

func newGaps(reg prometheus.Registerer) *gaps {
	g := &gaps{total: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Namespace: "auditsidecar", Name: "gaps_total", Help: "Breaks found in the audit log, by reason.",
	}, []string{"reason"})}
	for _, reason := range []continuity.Reason{
		continuity.ReasonPruned, continuity.ReasonTruncated, continuity.ReasonReplaced, continuity.ReasonEdited, continuity.ReasonVanished,
		continuity.ReasonNULHole, continuity.ReasonDiskBudget, continuity.ReasonQuarantined, continuity.ReasonUnreadable, continuity.ReasonStateLost,
	} {
		g.total.WithLabelValues(string(reason))
	}
	return g
}

// count takes a break that was found just now.
func (g *gaps) count(gap ledger.Gap) {
	g.total.WithLabelValues(string(gap.Reason)).Inc()
	g.remember(gap, time.Now().UTC())
}

// remember keeps a break for the page.
func (g *gaps) remember(gap ledger.Gap, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = append(g.last, admin.Gap{At: at, Reason: string(gap.Reason), File: gap.File, Bytes: gap.Bytes, Detail: gap.Detail})
	if n := len(g.last) - shownGaps; n > 0 {
		g.last = slices.Delete(g.last, 0, n)
	}
}

// waiting takes the gaps found so far that the archive does not have yet.
func (g *gaps) waiting(found []ledger.Gap) {
	g.mu.Lock()
	g.last = nil
	g.mu.Unlock()
	for _, gap := range found {
		g.remember(gap, gap.To.UTC())
	}
}

// newest returns the remembered breaks, the newest first.
func (g *gaps) newest() []admin.Gap {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := slices.Clone(g.last)
	slices.Reverse(out)
	return out
}
