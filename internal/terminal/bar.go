package terminal

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bar shows the progress of a long verb in one line on a terminal; in a pipe it
// shows nothing. It is safe for concurrent use.
type Bar struct {
	out io.Writer // nil: show nothing

	mu    sync.Mutex
	shown time.Time
	begun map[string]time.Time // of each stage
}

// NewBar returns a bar on out.
func NewBar(out io.Writer) *Bar {
	if Is(out) {
		return &Bar{out: out, begun: map[string]time.Time{}}
	}
	return &Bar{}
}

const (
	barWidth    = 30
	barInterval = 100 * time.Millisecond
)

// Update shows how much of a stage is done, how much a second and the time left, ten times
// a second at most. A total of 0 is unknown, as while a bucket is listed.
func (b *Bar) Update(stage string, done, total int64) {
	part, of := 0.0, ""
	if total > 0 {
		part, of = float64(done)/float64(total), "/"+strconv.FormatInt(total, 10)
	}
	b.show(stage, part, func(spent time.Duration) string {
		text := fmt.Sprintf("%d%s %s", done, of, stage)
		if spent >= time.Second {
			text += fmt.Sprintf(", %.0f/s", float64(done)/spent.Seconds())
			if total > 0 {
				text += ", " + left(spent, part)
			}
		}
		return text
	})
}

// left is the time that a stage still takes when a part of it took the time spent.
func left(spent time.Duration, part float64) string {
	return time.Duration(float64(spent)*(1-part)/part).Round(time.Second).String() + " left"
}

// show shows which part of a stage is done, from 0 to 1, with a text for the time spent on it.
func (b *Bar) show(stage string, part float64, text func(spent time.Duration) string) {
	if b.out == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.begun[stage].IsZero() {
		b.begun[stage] = now
	}
	if part < 1 && now.Sub(b.shown) < barInterval {
		return
	}
	b.shown = now
	filled := int(barWidth * part)
	fmt.Fprintf(b.out, "\r\x1b[K[%s%s] %s", strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), text(now.Sub(b.begun[stage])))
}

// Clear removes the line.
func (b *Bar) Clear() {
	if b.out != nil {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}

// Above returns a writer of messages of whole lines to out, above the bar.
func (b *Bar) Above(out io.Writer) io.Writer { return aboveBar{b, out} }

type aboveBar struct {
	*Bar
	io.Writer
}

// Write writes a message.
func (a aboveBar) Write(p []byte) (int, error) {
	a.Clear()
	return a.Writer.Write(p)
}
