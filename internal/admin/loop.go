package admin

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// reasonEvery is the shortest time between two log lines about a loop that
// keeps failing: some errors hold a port or a request ID and never repeat.
const reasonEvery = time.Minute

// Loop is the health of one loop. It is safe for concurrent use.
type Loop struct {
	name  string
	quiet bool // it reports only changes: silence is no sign of a stall
	log   zerolog.Logger
	now   func() time.Time

	failures prometheus.Counter

	mu sync.Mutex
	state
	logged   string    // the reason that was logged last
	loggedAt time.Time // and when
}

// state is what a loop has reported.
type state struct {
	seen     time.Time // last report
	alive    time.Time // last sign of life within a pass
	changed  time.Time // from well to failing or back, or the end
	failing  time.Time // since when; zero when well
	failed   int       // reports of failure since then
	err      error     // the last report: nil, or what it waits for
	last     error     // the last failure, also after it is over
	lastAt   time.Time // and when
	finished bool      // the loop ended on purpose
}

// started reports whether a pass has ended.
func (s state) started() bool { return !s.seen.IsZero() }

// Observe takes the result of one pass, or of one attempt within a pass that
// keeps failing. Logged is the change from well to failing and back, and a new
// reason of failing, at most once a minute; at the level debug, everything.
func (l *Loop) Observe(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	first := !l.started()
	l.seen = now
	l.log.Debug().Err(err).Msg(l.name + ": a pass ended")
	switch {
	case err == nil && !l.failing.IsZero():
		l.log.Info().Dur("after", now.Sub(l.failing)).Int("attempts", l.failed).Msg(l.name + ": well again")
		l.failing, l.failed, l.changed = time.Time{}, 0, now
	case err == nil && first:
		l.log.Info().Msg(l.name + ": running")
		l.changed = now
	case err != nil && l.failing.IsZero():
		l.log.Error().Err(err).Msg(l.name + ": failing, retrying")
		l.failing, l.changed = now, now
		l.logged, l.loggedAt = err.Error(), now
	case err != nil && err.Error() != l.logged && now.Sub(l.loggedAt) >= reasonEvery:
		l.log.Warn().Err(err).Msg(l.name + ": still failing, for another reason")
		l.logged, l.loggedAt = err.Error(), now
	}
	if err != nil {
		l.failed++
		l.failures.Inc()
		l.last, l.lastAt = err, now
	}
	l.err = err
}

// Alive is a sign of life in the middle of a pass, which may take long: a
// backlog of files, a large object over a slow line. It says nothing of how the
// pass goes.
func (l *Loop) Alive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alive = l.now()
}

// Finish says that the loop ended on purpose: it is neither late nor failing.
func (l *Loop) Finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished, l.changed = true, l.now()
}

// status is a loop's state at one moment.
type status struct {
	state
	name string
	late bool
}

func (l *Loop) status(stall time.Duration, begun time.Time) status {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := slices.MaxFunc([]time.Time{begun, l.seen, l.alive}, time.Time.Compare)
	return status{l.state, l.name, !l.finished && !(l.quiet && l.started()) && l.now().Sub(last) > stall}
}

// oneLine is an error as a line of text.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
