//go:build e2e

package faults

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"strings"
	"time"
)

// damagedFiles are the scenarios in which a backup is damaged while no sidecar
// runs.
func damagedFiles() []scenario {
	unreadable := []string{"unreadable"}
	return []scenario{
		{name: ".gz cut short", gaps: unreadable, run: func(s *stage) {
			s.damageGzip(func(packed []byte, half int) []byte { return packed[:half] }, true)
		}},
		{name: ".gz with a bad byte", gaps: unreadable, run: func(s *stage) { s.damageGzip(badByte, true) }},
		{name: ".gz with trailing bytes", run: func(s *stage) {
			s.damageGzip(func(packed []byte, _ int) []byte { return append(packed, "trailing bytes"...) }, false)
		}},
		{name: ".gz repaired", gaps: unreadable, anyOrder: true, run: func(s *stage) {
			path, whole := s.damageGzip(badByte, true)
			s.destroyed = 0 // the stream does not go back
			s.eventually("what unpacks is archived", func() bool { return s.archivedFiles() >= len(s.finished()) })
			s.must(os.WriteFile(path, whole, 0o600))
			s.eventually("the rest is archived", func() bool { return s.archivedFiles() > len(s.finished()) })
		}},
		{name: "hole of 600 MiB", gaps: []string{"nul_hole"}, run: func(s *stage) {
			w := s.ownWriter(0)
			s.start()
			s.ready()
			w.write(s, rate, time.Second, time.Hour)
			if _, err := w.open.Seek(600<<20, io.SeekCurrent); err != nil {
				s.t.Fatal(err)
			}
			w.write(s, rate, time.Second, time.Hour)
			s.must(s.rotate())
			w.write(s, rate, time.Second, time.Hour)
			s.awaitLoki()
		}},
	}
}

// badByte makes the block that begins in the middle one that deflate does not have.
func badByte(packed []byte, half int) []byte {
	damaged := bytes.Clone(packed)
	damaged[half] = 0xff
	return damaged
}

// damageGzip makes a .gz of the last backup that no sidecar has seen, and damages
// it. damage gets the whole .gz and where its second half of lines begins, which
// destroyed says is lost.
func (s *stage) damageGzip(damage func(packed []byte, half int) []byte, destroyed bool) (path string, whole []byte) {
	s.t.Helper()
	s.start()
	s.ready()
	s.write(rate, time.Second, 0)
	s.awaitLoki()
	s.p.Kill()
	s.must(s.rotate()) // of a file that is held
	s.writeAtOnce(300)
	s.must(s.rotate())
	name := s.finished()[len(s.finished())-1].Name
	path = strings.TrimSuffix(s.log, "audit.log") + name
	content, err := os.ReadFile(path)
	s.must(err)
	lines := bytes.SplitAfter(content, []byte("\n"))
	first := bytes.Join(lines[:len(lines)/2], nil)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(first) // into memory
	s.must(z.Flush())
	half := packed.Len()
	_, _ = z.Write(content[len(first):])
	s.must(z.Close())
	if destroyed {
		s.destroyed = bytes.Count(content[len(first):], []byte("\n"))
		s.unread = s.destroyed
	}
	whole = bytes.Clone(packed.Bytes())
	s.must(os.WriteFile(path+".gz", damage(packed.Bytes(), half), 0o600))
	s.must(os.Remove(path))
	s.start()
	s.ready()
	s.write(rate, time.Second, 0)
	return path + ".gz", whole
}
