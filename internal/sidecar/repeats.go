package sidecar

import (
	"strings"
	"sync"
	"time"
)

const (
	// repeatEvery is the shortest time between two lines of one kind.
	repeatEvery = time.Minute
	// maxKinds bounds how many kinds are known at a time.
	maxKinds = 64
)

// repeats keeps lines of the log from repeating too often. It is safe for
// concurrent use.
type repeats struct {
	mu    sync.Mutex
	kinds map[string]*repeat
}

type repeat struct {
	reported time.Time
	left     int // out since then
}

// allow says whether to tell an event, and how many of its kind were left out
// before. Events that differ in numbers only are of one kind.
func (r *repeats) allow(event string, now time.Time) (left int, ok bool) {
	kind := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return -1
		}
		return c
	}, event)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.kinds[kind]
	if known == nil {
		if r.kinds == nil || len(r.kinds) >= maxKinds {
			r.kinds = map[string]*repeat{}
		}
		r.kinds[kind] = &repeat{reported: now}
		return 0, true
	}
	if now.Sub(known.reported) < repeatEvery {
		known.left++
		return 0, false
	}
	left, known.left, known.reported = known.left, 0, now
	return left, true
}
