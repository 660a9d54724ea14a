package lokipush

import (
	"errors"
	"sync/atomic"
)

// maxDoubts is how many entries are refused without a reason before it counts whether anything is
// accepted at all.
const maxDoubts = 8

// doubt is an entry that was refused alone, with words that concern no entry.
type doubt struct {
	index int // in the delivered batch
	batch *Batch
	since int64 // number of the last push that had begun by then
}

// unexplained reports a refusal that may as well concern every push: of a gateway, of a setting, or
// of a Loki whose words are not known here.
func (e *StatusError) unexplained() bool { return e.Decision == Refused && e.Reason == ReasonOther }

func isUnexplained(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.unexplained()
}

// witness knows whether Loki has taken a push that began after another one.
type witness struct {
	begun    atomic.Int64 // number of the newest push
	accepted atomic.Int64 // number of the newest one that was accepted
}

func (w *witness) now() int64 { return w.begun.Load() }

// since reports whether a push was accepted that began after another one.
func (w *witness) since(number int64) bool { return w.accepted.Load() > number }

func (w *witness) begin() int64 { return w.begun.Add(1) }

// note takes the acceptance of a push.
func (w *witness) note(number int64) {
	for {
		newest := w.accepted.Load()
		if number <= newest || w.accepted.CompareAndSwap(newest, number) {
			return
		}
	}
}

// judge makes a Stop of the refusal of what is in doubt as long as nothing was accepted since.
func (w *witness) judge(err error, d *doubt) error {
	status, ok := errors.AsType[*StatusError](err)
	if d == nil || !ok || !status.unexplained() || w.since(d.since) {
		return err
	}
	stop := *status
	stop.Decision, stop.Reason = Stop, ""
	return &stop
}
