//go:build e2e

package faults

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// writing are the scenarios in which nothing fails, but much or something
// unusual is written.
func writing() []scenario {
	return []scenario{
		{name: "5,000 lines/s, rotation every 2 s", writer: audittest.Config{MaxBackups: 3}, onS3: true, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(5000, pick(time.Minute, 12*time.Second), 2*time.Second)
		}},
		{name: "lines of 200 KB, 1.5 MB and 9 MB", onS3: true, memory: maxMemoryLong, run: func(s *stage) {
			s.start()
			s.ready()
			s.writeLong(pick(40, 8), 200<<10, 1500<<10, 9<<20)
		}},
		{name: "--audit-log-compress", writer: audittest.Config{Compress: true, MaxBackups: 5}, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(2000, pick(40*time.Second, 8*time.Second), 800*time.Millisecond)
		}},
		{name: "200 backups waiting at start", onS3: true, run: func(s *stage) {
			for range 200 {
				s.writeAtOnce(40)
				s.must(s.rotate())
			}
			s.start()
			s.ready()
			s.write(500, 3*time.Second, time.Second)
		}},
	}
}

// writeAtOnce writes n fresh lines as fast as it can.
func (s *stage) writeAtOnce(n int) {
	s.t.Helper()
	s.must(s.writer.Replay(s.t.Context(), s.fresh(n), 0, 0))
}

// writeLong writes ordinary lines with rounds long ones of each size between
// them, and rotates now and then.
func (s *stage) writeLong(rounds int, sizes ...int) {
	s.t.Helper()
	const between = 20 // ordinary lines before each long one
	n := 0
	for line := range s.fresh(rounds * len(sizes) * (between + 1)) {
		if n++; n%(between+1) == 0 {
			line = lengthen(line, sizes[n/(between+1)%len(sizes)])
			s.sleep(100 * time.Millisecond)
		}
		s.must(s.writer.WriteLine(line))
		if n%(4*len(sizes)*(between+1)) == 0 {
			s.must(s.rotate())
		}
	}
}

// lengthen gives an event a response object, as kube-apiserver writes one, that
// makes it about size bytes long and hardly compresses.
func lengthen(line []byte, size int) []byte {
	random := make([]byte, max(0, size-len(line))*3/4)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random) // never fails
	object := `"responseObject":{"kind":"Secret","data":{"x":"` + base64.StdEncoding.EncodeToString(random) + `"}},`
	before, after, _ := bytes.Cut(line, []byte(`"requestReceivedTimestamp"`))
	return bytes.Join([][]byte{before, []byte(object), []byte(`"requestReceivedTimestamp"`), after}, nil)
}
