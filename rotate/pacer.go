package rotate

import "time"

const (
	// writePause is the least time between two pokes for writes, and how long
	// the kernel keeps what happens after a write: each event that is read costs
	// two wake-ups, and a busy log has thousands a second.
	writePause = 50 * time.Millisecond
	// backlog is how long after a pause events count as those that the kernel has
	// kept. They are read without a pause, however many they are, because the
	// change of a name may be behind them.
	backlog = 200 * time.Microsecond
)

// pacer pokes for writes, which come one by one for every line of the log.
type pacer struct {
	poked chan<- struct{}
	// timer runs from a poke until the next one may follow.
	timer *time.Timer
	// paused says that the timer runs, due that a write came since it started,
	// closed that no events are read until it has run out.
	paused, due, closed bool
	// opened is when the last pause ended.
	opened time.Time
}

// poke notes a write.
func (p *pacer) poke() {
	p.closed = time.Since(p.opened) > backlog
	if p.paused {
		p.due = true
		return
	}
	poke(p.poked)
	p.paused, p.due = true, false
	p.timer.Reset(writePause)
}

// pause is called when the timer has run out.
func (p *pacer) pause() {
	p.paused, p.opened = false, time.Now()
	if p.due {
		p.poke()
	}
	p.closed = false
}
