package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressBar shows how far a long verb has come, in one line on a terminal; it
// shows nothing in a pipe.
type progressBar struct {
	out io.Writer // nil: show nothing

	mu    sync.Mutex
	shown time.Time
	last  string
}

func newProgressBar(out io.Writer) *progressBar {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progressBar{out: out}
	}
	return &progressBar{}
}

const (
	barWidth    = 30
	barInterval = 100 * time.Millisecond
)

// update shows a stage, ten times a second at most.
func (p *progressBar) update(stage string, done, total int64) {
	if total == 0 {
		return
	}
	p.show(stage, float64(done)/float64(total), func() string { return fmt.Sprintf("%d/%d %s", done, total, stage) })
}

// show shows which part of a stage is done, from 0 to 1, with a text beside it.
func (p *progressBar) show(stage string, part float64, text func() string) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if part < 1 && stage == p.last && time.Since(p.shown) < barInterval {
		return
	}
	p.shown, p.last = time.Now(), stage
	filled := int(barWidth * part)
	fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %s", strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), text())
}

// clear removes the line.
func (p *progressBar) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// above is a writer of messages that come to stand above the bar.
func (p *progressBar) above(out io.Writer) io.Writer { return &aboveBar{p, out} }

type aboveBar struct {
	bar *progressBar
	out io.Writer
}

// Write writes a message of whole lines.
func (a *aboveBar) Write(b []byte) (int, error) {
	a.bar.clear()
	return a.out.Write(b)
}
