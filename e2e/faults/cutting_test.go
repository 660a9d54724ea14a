//go:build e2e

package faults

import (
	"bytes"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// cutting are the scenarios in which finished files are cut before the archive has them.
func cutting() []scenario {
	return []scenario{
		{name: "truncate-held: backups cut while S3 is out", onS3: true, gaps: []string{"truncated"}, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, 2*time.Second, time.Second)
			s.s3Net.Set(badnet.Condition{Unavailable: true})
			s.notReady("archive") // now nothing more is converted
			for archived := len(s.finished()); len(s.finished()) < archived+2; {
				s.write(rate, 2*time.Second, time.Second)
			}
			s.awaitLoki()
			held := s.finished()
			s.cut(held[len(held)-1], 0)
			s.cut(held[len(held)-2], 2)
			s.write(rate, time.Second, 0)
			s.s3Net.Set(badnet.Condition{})
		}},
		{name: "truncate-while-down: backups cut, one of them never seen", gaps: []string{"truncated"}, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, 2*time.Second, 0)
			s.awaitLoki()
			s.stop()
			s.must(s.rotate())
			s.writeAtOnce(100)
			s.must(s.rotate())
			s.writeAtOnce(100)
			files := s.finished()
			s.cut(files[0], 3)
			s.unread = 100
			s.cut(files[1], 0)
			s.cutBytes -= files[1].Bytes // its size was never seen
			s.start()
			s.ready()
		}},
		{name: "increments reach further than the file", gaps: []string{"truncated"}, args: []string{"--archive-max-lag", "1s"}, shorter: true, anyOrder: true, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, 2*time.Second, 0)
			s.awaitLoki()
			s.eventually("every line is in increments", func() bool { return s.openBytes() >= s.account()[0].Bytes })
			s.stop()
			s.must(s.rotate())
			s.writeAtOnce(100)
			s.cut(s.finished()[0], 5)
			s.destroyed = 0 // restore has them
			s.start()
			s.ready()
		}},
	}
}

// cut cuts a file, of any name, behind the first n of its lines.
func (s *stage) cut(f audittest.File, keep int) {
	s.t.Helper()
	content, err := os.ReadFile(f.Path)
	s.must(err)
	end := 0
	for range keep {
		end += bytes.IndexByte(content[end:], '\n') + 1
	}
	for line := range audittest.Lines(content[end:]) {
		s.gone = append(s.gone, line)
	}
	s.destroyed = len(s.gone)
	s.cutBytes += int64(len(content) - end)
	s.must(os.Truncate(f.Path, int64(end)))
}

// openBytes is how much of the open file the archive has in increments.
func (s *stage) openBytes() int64 {
	s.t.Helper()
	metrics, err := s.p.Metrics(s.t.Context())
	if err != nil {
		return -1
	}
	return int64(metrics["auditsidecar_archived_open_bytes"])
}
