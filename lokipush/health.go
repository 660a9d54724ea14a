package lokipush

import (
	"sync"
	"time"
)

// health turns the results of attempts into transitions: one call when Loki is down, one when it is
// back.
type health struct {
	after  time.Duration
	onDown func(error)
	onUp   func(time.Duration)

	mu       sync.Mutex
	failing  bool      // attempts have failed since, nothing worked in between
	since    time.Time // start of the first failed attempt
	reported Decision  // what OnDown was last called for; Accepted: not called in this outage
	held     int       // deliveries that may be stopped while others succeed
}

// failed records a failed attempt that began at start.
func (h *health) failed(err error, start time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.failing {
		h.failing, h.since, h.reported = true, start, Accepted
	}
	decision := DecisionOf(err)
	switch {
	case h.reported == Stop, h.reported == decision:
		return
	case decision == Retry && time.Since(h.since) < h.after:
		return
	}
	h.reported = decision
	if h.onDown != nil {
		h.onDown(err)
	}
}

// worked records that Loki processed a push.
func (h *health) worked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held > 0 {
		return
	}
	down := h.failing && h.reported != Accepted
	h.failing = false
	if down && h.onUp != nil {
		h.onUp(time.Since(h.since))
	}
}

// hold keeps an outage from ending while one delivery is stopped and others succeed.
func (h *health) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held++
}

// release ends a hold, after which Loki works or the caller gave up.
func (h *health) release(works bool) {
	h.mu.Lock()
	h.held--
	h.mu.Unlock()
	if works {
		h.worked()
	}
}
