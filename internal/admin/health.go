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

	failures *prometheus.CounterVec
	loops    []*Loop
}

// NewHealth returns a Health without loops. now is the clock, time.Now.
func NewHealth(log zerolog.Logger, reg prometheus.Registerer, now func() time.Time) *Health {
	return &Health{
		log: log, now: now, begun: now(),
		failures: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
			Namespace: "auditsidecar", Name: "loop_failures_total",
			Help: "Passes or attempts of a loop that failed.",
		}, []string{"loop"}),
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
		if s := l.status(stall, h.begun); s.late {
			late = append(late, s.name)
		}
	}
	if len(late) > 0 {
		http.Error(w, "no sign of life for "+stall.String()+": "+strings.Join(late, ", "), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "ok")
}

// readyz answers 200 while every loop does its work.
func (h *Health) readyz(w http.ResponseWriter, r *http.Request) {
	ready := true
	var text strings.Builder
	for _, l := range h.loops {
		s := l.status(stall, h.begun)
		ready = ready && s.ready()
		fmt.Fprintln(&text, s.line(h.now()))
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

func (s status) ready() bool { return s.finished || (s.started() && s.err == nil && !s.late) }

func (s status) line(now time.Time) string {
	switch {
	case s.finished:
		return "[+] " + s.name + ": finished"
	case !s.started():
		return "[-] " + s.name + ": starting"
	case s.err != nil:
		since := now.Sub(s.failing).Round(time.Second)
		return fmt.Sprintf("[-] %s: %s (for %s)", s.name, oneLine(s.err), since)
	case s.late:
		return fmt.Sprintf("[-] %s: no sign of life for %s", s.name, stall)
	}
	return "[+] " + s.name + ": ok"
}
