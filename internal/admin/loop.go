package admin

import (
	"cmp"
	"errors"
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

// Fault is an error of a sink with the parts that people need.
type Fault struct {
	Err           error
	Cause, Remedy string // in a few words; may be empty
	// Person says that trying again does not help: a person has to change something.
	Person bool
}

func (f *Fault) Error() string { return f.Err.Error() }

// state is the last report of a loop.
type state struct {
	seen    time.Time // last report
	alive   time.Time // last sign of life within a pass
	well    bool      // a pass succeeded since the start
	changed time.Time // from well to failing or back
	failing time.Time // since when; zero when well
	failed  int       // reports of failure since then
	err     error     // the last report: nil, or the cause of its wait
	last    error     // the last failure, also after it is over
	lastAt  time.Time // and when
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
		message := ": failing, retrying"
		if f, ok := errors.AsType[*Fault](err); ok && f.Person {
			message = ": stopped until a person changes something"
		}
		l.log.Error().Err(err).Msg(l.name + message)
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
	l.err, l.well = err, l.well || err == nil
}

// Alive is a sign of life in the middle of a pass, which may take long: a
// backlog of files, a large object over a slow line. It says nothing of how the
// pass goes.
func (l *Loop) Alive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alive = l.now()
}

// part is how the loop does at this moment; the process began at a time.
func (l *Loop) part(begun time.Time) *Part {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &Part{Name: l.name, State: Working, Since: l.changed.UTC(), LastError: oneLine(l.last), LastErrorAt: l.lastAt.UTC(), worked: l.well}
	last := slices.MaxFunc([]time.Time{begun, l.seen, l.alive}, time.Time.Compare)
	switch {
	case !(l.quiet && l.started()) && l.now().Sub(last) > stall:
		p.State, p.Since = Hung, l.seen.UTC()
	case !l.started():
		p.State = Starting
	case l.err != nil:
		fault := &Fault{}
		_ = errors.As(l.err, &fault) // or there is nothing else to say of it
		p.State, p.Waiting = map[bool]State{false: Failing, true: Stopped}[fault.Person], oneLine(l.err)
		p.Cause, p.Remedy = words(cmp.Or(fault.Cause, brief(p.Waiting))), fault.Remedy
	}
	return p
}

// oneLine is an error as a line of text.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
