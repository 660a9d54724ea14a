package terminal

import (
	"fmt"
	"io"
	"time"
)

// FileProgress shows the progress of a verb over many files: files, rate and the
// time left. Files rotate at one size, so each counts the same.
type FileProgress struct {
	*Bar
	started     time.Time
	done, files int
	bytes       int64 // of all files
	// of the file that is being written
	size, written int64
}

// NewFileProgress shows it on report; nothing if lines go to a terminal too.
func NewFileProgress(report, lines io.Writer, files int) *FileProgress {
	p := &FileProgress{Bar: NewBar(report), started: time.Now(), files: files}
	if Is(lines) {
		p.Bar = &Bar{}
	}
	return p
}

// Begin begins a file of size bytes.
func (p *FileProgress) Begin(size int64) {
	p.size, p.written = size, 0
	p.show()
}

// Write counts the written bytes of the file.
func (p *FileProgress) Write(b []byte) (int, error) {
	p.written += int64(len(b))
	p.bytes += int64(len(b))
	p.show()
	return len(b), nil
}

// End ends a file, also one that is left out.
func (p *FileProgress) End() {
	p.done++
	p.Begin(0)
}

// judged is how much of the first file must be written for an estimate of the
// time left: all of its objects are read before its first byte.
const judged = 0.1

func (p *FileProgress) show() {
	done := float64(p.done)
	if p.size > 0 {
		done += min(float64(p.written)/float64(p.size), 1)
	}
	files := float64(max(p.files, 1))
	p.Bar.show("files", done/files, func() string {
		text := fmt.Sprintf("%d/%d files", p.done, p.files)
		spent := time.Since(p.started)
		if spent <= 0 || done < judged {
			return text
		}
		left := time.Duration(float64(spent) * (files - done) / done)
		return fmt.Sprintf("%s, %.1f MB/s, %s left", text, float64(p.bytes)/1e6/spent.Seconds(), left.Round(time.Second))
	})
}
