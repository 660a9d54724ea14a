package terminal

import (
	"fmt"
	"io"
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
	last  string
}

// NewBar returns a bar on out.
func NewBar(out io.Writer) *Bar {
	if Is(out) {
		return &Bar{out: out}
	}
	return &Bar{}
}

const (
	barWidth    = 30
	barInterval = 100 * time.Millisecond
)

// Update shows a stage, ten times a second at most.
func (b *Bar) Update(stage string, done, total int64) {
	if total > 0 {
		b.show(stage, float64(done)/float64(total), func() string { return fmt.Sprintf("%d/%d %s", done, total, stage) })
	}
}

// show shows which part of a stage is done, from 0 to 1, with a text beside it.
func (b *Bar) show(stage string, part float64, text func() string) {
	if b.out == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if part < 1 && stage == b.last && time.Since(b.shown) < barInterval {
		return
	}
	b.shown, b.last = time.Now(), stage
	filled := int(barWidth * part)
	fmt.Fprintf(b.out, "\r\x1b[K[%s%s] %s", strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), text())
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
