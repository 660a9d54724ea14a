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

// Of returns source, of size bytes, and shows its conversion.
func (p *FileProgress) Of(source io.ReaderAt, size int64) io.ReaderAt {
	if p.out == nil {
		return source
	}
	p.Begin(3 * size)
	return countedSource{source, p}
}

// countedSource shows what a conversion reads: twice in the order of the source,
// and once in that of its rows.
type countedSource struct {
	io.ReaderAt
	progress *FileProgress
}

// ReadAt implements io.ReaderAt.
func (s countedSource) ReadAt(b []byte, at int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(b, at)
	s.progress.add(n, n/3)
	return n, err
}

// Begin begins a file of size bytes.
func (p *FileProgress) Begin(size int64) {
	p.size, p.written = size, 0
	p.show()
}

// Write counts what is written of the file.
func (p *FileProgress) Write(b []byte) (int, error) {
	p.add(len(b), len(b))
	return len(b), nil
}

func (p *FileProgress) add(written, bytes int) {
	p.written += int64(written)
	p.bytes += int64(bytes)
	p.show()
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
