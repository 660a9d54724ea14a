package admin

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/rs/zerolog"
)

// stall is how long a loop may be silent before /livez fails. It is far more
// than the conversion of the largest file takes on a busy node.
const stall = 15 * time.Minute

// Health is the health of all loops.
type Health struct {
	log   zerolog.Logger
	now   func() time.Time
	begun time.Time

	failures  *prometheus.CounterVec
	states    *prometheus.GaugeVec
	full      prometheus.Gauge
	published map[string]State // by the loop that samples
	loops     []*Loop
}

// NewHealth returns a Health without loops. now is the clock, time.Now.
func NewHealth(log zerolog.Logger, reg prometheus.Registerer, now func() time.Time) *Health {
	return &Health{
		log: log, now: now, begun: now(), published: map[string]State{},
		failures: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
			Namespace: "auditsidecar", Name: "loop_failures_total",
			Help: "Passes or attempts of a loop that failed.",
		}, []string{"loop"}),
		states: promauto.With(reg).NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "auditsidecar", Name: "state", Help: "1 for the state that a part is in (log, archive, loki and the loops), as the status page says.",
		}, []string{"part", "state"}),
		full: promauto.With(reg).NewGauge(prometheus.GaugeOpts{
			Namespace: "auditsidecar", Name: "disk_budget_full_seconds", Help: "Time until the disk budget is full if the archive takes nothing, at the present rate; 1e9 if the log does not grow.",
		}),
	}
}

// Loop adds a loop; its metrics exist from then on. Add all loops before the
// first request.
func (h *Health) Loop(name string) *Loop {
	l := &Loop{name: name, log: h.log.With().Str("loop", name).Logger(), now: h.now, failures: h.failures.WithLabelValues(name)}
	h.loops = append(h.loops, l)
	return l
}

// Quiet adds a loop that reports when something changes and at no other time:
// once it has begun, its silence is no reason for /livez to fail.
func (h *Health) Quiet(name string) *Loop {
	l := h.Loop(name)
	l.quiet = true
	return l
}

// livez answers 200 while every loop turns.
func (h *Health) livez(w http.ResponseWriter, _ *http.Request) {
	var late []string
	for _, l := range h.loops {
		if l.part(h.begun).State == Hung {
			late = append(late, l.name)
		}
	}
	if len(late) > 0 {
		http.Error(w, "no sign of life for "+stall.String()+": "+strings.Join(late, ", "), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "ok")
}

// readyz answers 200 while the log arrives and every part does its work, by the
// judgement of the page. A break in the past and warnings do not count.
func (b *board) readyz(w http.ResponseWriter, r *http.Request) {
	s, ready := b.status(), true
	var text strings.Builder
	for _, p := range s.Parts {
		sign := "+"
		if p.Level == Bad || p.State == Failing || p.State == Starting {
			sign, ready = "-", false
		}
		fmt.Fprintf(&text, "[%s] %s: %s\n", sign, p.Name, p.inWords(s.Now))
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&text, "%s: %s\n", p.Level, p.Title)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if r.URL.Query().Has("verbose") || !ready {
		_, _ = fmt.Fprint(w, text.String()) // the client went away
		return
	}
	fmt.Fprintln(w, "ok")
}

// inWords says how a part does, and the cause of its wait.
func (p *Part) inWords(now time.Time) string {
	if p.Waiting == "" {
		return string(p.State)
	}
	return fmt.Sprintf("%s: %s (for %s)", p.State, p.Waiting, now.Sub(p.Since).Round(time.Second))
}

// publish sets the metrics of a judgement, and logs each transition that the loops do
// not log themselves.
func (h *Health) publish(s *Status) {
	for _, p := range s.Parts {
		for state := range levels {
			h.states.WithLabelValues(p.Name, string(state)).Set(map[bool]float64{true: 1}[state == p.State])
		}
		before := h.published[p.Name]
		h.published[p.Name] = p.State
		logged := func(s State) bool { return p.Name == "log" && s != Starting || s == Behind || s == Losing || s == Hung }
		if before != "" && before != p.State && (logged(before) || logged(p.State)) {
			h.log.WithLevel(map[Level]zerolog.Level{Idle: zerolog.InfoLevel, Good: zerolog.InfoLevel, Warn: zerolog.WarnLevel, Bad: zerolog.ErrorLevel}[p.Level]).
				Str("before", string(before)).Str("headline", s.Headline).Msg(p.Name + ": " + string(p.State))
		}
	}
	h.full.Set(s.BudgetFull)
}
