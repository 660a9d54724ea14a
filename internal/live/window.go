package live

import (
	"time"

	"github.com/auditsidecar/auditsidecar/lokipush"
)

// Window is the time that Loki takes entries of, as its limits_config has it.
// A line outside would be refused, so it is not sent: it is counted, and it is
// in the archive. The third rule of Loki's, that an entry must not be more
// than an hour behind the newest one of its stream, is known to Loki alone:
// its answer says which entries it concerns.
type Window struct {
	// MaxAge is reject_old_samples_max_age; 0 where Loki takes any age.
	MaxAge time.Duration
	// MaxAhead is creation_grace_period.
	MaxAhead time.Duration
}

// maxEarly is how long a line waits that is ahead of the clock by more than
// Loki takes: the clock was set back a little since. A line that is further
// ahead would hold up all others for too long.
const maxEarly = 10 * time.Minute

func (w Window) tooOld(at, now time.Time) bool { return w.MaxAge > 0 && at.Sub(now) < -w.MaxAge }

// early is how long an entry has to wait before Loki takes it.
func (w Window) early(at, now time.Time) time.Duration {
	ahead := at.Sub(now)
	if ahead <= w.MaxAhead {
		return 0
	}
	return ahead - w.MaxAhead
}

// outside returns the reason for which Loki will not take an entry, empty
// where it may.
func (w Window) outside(at, now time.Time) lokipush.Reason {
	switch {
	case w.tooOld(at, now):
		return lokipush.ReasonTooOld
	case at.Sub(now) > w.MaxAhead+maxEarly:
		return lokipush.ReasonTooFarInFuture
	}
	return ""
}
