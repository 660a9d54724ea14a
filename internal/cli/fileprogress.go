package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// fileProgress shows how far a verb has come that takes file after file out of
// the archive: files, rate and the time that is left. Files rotate at one size,
// so that each counts the same.
type fileProgress struct {
	bar         *progressBar
	started     time.Time
	done, files int
	bytes       int64 // of all files
	// of the file that is being written
	size, written int64
}

// newFileProgress shows it in report, a terminal; nothing where the lines go to
// the same one.
func newFileProgress(report, lines io.Writer, files int) *fileProgress {
	p := &fileProgress{bar: newProgressBar(report), started: time.Now(), files: files}
	if f, ok := lines.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = &progressBar{}
	}
	return p
}

// of is a source of size bytes whose conversion is shown.
func (p *fileProgress) of(source io.ReaderAt, size int64) io.ReaderAt {
	if p.bar.out == nil {
		return source
	}
	p.begin(3 * size)
	return countedSource{source, p}
}

// countedSource shows what a conversion reads: twice in the order of the source,
// and once in that of its rows.
type countedSource struct {
	io.ReaderAt
	progress *fileProgress
}

// ReadAt implements io.ReaderAt.
func (s countedSource) ReadAt(b []byte, at int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(b, at)
	s.progress.written += int64(n)
	s.progress.bytes += int64(n / 3)
	s.progress.show()
	return n, err
}

// begin is the begin of a file that has so many bytes.
func (p *fileProgress) begin(size int64) {
	p.size, p.written = size, 0
	p.show()
}

// Write counts what is written of the file.
func (p *fileProgress) Write(b []byte) (int, error) {
	p.written += int64(len(b))
	p.bytes += int64(len(b))
	p.show()
	return len(b), nil
}

// end is the end of a file, or of one that is left out.
func (p *fileProgress) end() {
	p.done++
	p.size, p.written = 0, 0
	p.show()
}

// judged is how much of the first file must be written for a word on the time
// that is left: before its first byte all of its objects were read.
const judged = 0.1

func (p *fileProgress) show() {
	done := float64(p.done)
	if p.size > 0 {
		done += min(float64(p.written)/float64(p.size), 1)
	}
	files := float64(max(p.files, 1))
	p.bar.show("files", done/files, func() string {
		text := fmt.Sprintf("%d/%d files", p.done, p.files)
		spent := time.Since(p.started)
		if spent <= 0 || done < judged {
			return text
		}
		left := time.Duration(float64(spent) * (files - done) / done)
		return fmt.Sprintf("%s, %.1f MB/s, %s left", text, float64(p.bytes)/1e6/spent.Seconds(), left.Round(time.Second))
	})
}
