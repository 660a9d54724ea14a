package main

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
	if p.out == nil || total == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if done < total && stage == p.last && time.Since(p.shown) < barInterval {
		return
	}
	p.shown, p.last = time.Now(), stage
	filled := int(barWidth * done / total)
	fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %d/%d %s", strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), done, total, stage)
}

// clear removes the line.
func (p *progressBar) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
