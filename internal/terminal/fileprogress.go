package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// FileProgress shows the progress of a verb over many files: files, rate and the
// time left. Files rotate at one size, so each counts the same. It is safe for concurrent use.
type FileProgress struct {
	*Bar
	files int

	mu    sync.Mutex
	done  int
	bytes int64   // of all files
	part  float64 // of the open files, together
}

// NewFileProgress shows it on report; nothing if lines go to a terminal too.
func NewFileProgress(report, lines io.Writer, files int) *FileProgress {
	p := &FileProgress{Bar: NewBar(report), files: files}
	if Is(lines) {
		p.Bar = &Bar{}
	}
	return p
}

// FilePart is a file in progress.
type FilePart struct {
	of            *FileProgress
	size, written int64
	part          float64 // of 1
}

// Begin begins a file of size bytes.
func (p *FileProgress) Begin(size int64) *FilePart {
	f := &FilePart{of: p, size: size}
	f.Add(0)
	return f
}

// Write counts the written bytes of the file.
func (f *FilePart) Write(b []byte) (int, error) {
	f.Add(int64(len(b)))
	return len(b), nil
}

// Add counts n more bytes of the file.
func (f *FilePart) Add(n int64) {
	p := f.of
	p.mu.Lock()
	defer p.mu.Unlock()
	f.written += n
	p.bytes += n
	if f.size > 0 {
		before := f.part
		f.part = min(float64(f.written)/float64(f.size), 1)
		p.part += f.part - before
	}
	p.show()
}

// End ends a file; nil is one that was left out.
func (p *FileProgress) End(f *FilePart) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f != nil {
		p.part -= f.part
	}
	p.done++
	p.show()
}

// judged is how much of the first file must be written for an estimate of the
// time left: all of its objects are read before its first byte.
const judged = 0.1

func (p *FileProgress) show() {
	done := float64(p.done) + p.part
	files := float64(max(p.files, 1))
	p.Bar.show("files", done/files, func(spent time.Duration) string {
		text := fmt.Sprintf("%d/%d files", p.done, p.files)
		if spent <= 0 || done < judged {
			return text
		}
		return fmt.Sprintf("%s, %.1f MB/s, %s", text, float64(p.bytes)/1e6/spent.Seconds(), left(spent, done/files))
	})
}
