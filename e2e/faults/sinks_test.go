//go:build e2e

package faults

import (
	"net/http"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// rate is the lines a second of the scenarios in which a sink fails.
const rate = 1000

// pruning keeps two backups, one rotation a second: whatever a sink did not get
// within two seconds is only in the held files.
func pruning() audittest.Config { return audittest.Config{MaxBackups: 2} }

// archiveFaults are the scenarios in which S3 fails. Loki works meanwhile.
func archiveFaults() []scenario {
	of := func(name string, d time.Duration, now badnet.Condition) scenario {
		return scenario{name: name, writer: pruning(), onS3: true, run: func(s *stage) {
			s.archiveFails(d, func() { s.s3Net.Set(now) }, func() { s.s3Net.Set(badnet.Condition{}) })
		}}
	}
	out := pick(180*time.Second, 15*time.Second)
	some := pick(30*time.Second, 6*time.Second)
	return []scenario{
		{name: "S3 out for " + out.String() + ", backups pruned", writer: pruning(), onS3: true, run: func(s *stage) {
			own := s3server.Start(s.t)
			s.onS3(own)
			s.archiveFails(out, func() { own.Stop(s.t) }, func() {
				s.notReady("archive")
				own.Resume(s.t)
			})
		}},
		of("S3 answers 500 for "+some.String(), some, badnet.Condition{Status: http.StatusInternalServerError}),
		of("S3's answers lost for "+some.String(), some, badnet.Condition{LoseAnswer: true}),
		of("S3 takes 1 KB/s for "+some.String(), some, badnet.Condition{BytesPerSecond: 1000}),
	}
}

// archiveFails writes before, during and after a fault of the archive.
func (s *stage) archiveFails(d time.Duration, begin, end func()) {
	s.t.Helper()
	s.start()
	s.ready()
	s.write(rate, 2*time.Second, time.Second)
	begin()
	s.write(rate, d, time.Second)
	s.awaitLoki()
	end()
	s.write(rate, 2*time.Second, time.Second)
}

// lokiFaults are the scenarios in which Loki fails. The archive works
// meanwhile.
func lokiFaults() []scenario {
	network := func(name string, d time.Duration, now badnet.Condition) scenario {
		return scenario{name: name, writer: pruning(), run: func(s *stage) {
			s.lokiFails(d, func() { s.lokiNet.Set(now) }, func() { s.lokiNet.Set(badnet.Condition{}) })
		}}
	}
	answer := func(name string, d time.Duration, fault lokitest.Fault) scenario {
		return scenario{name: name, writer: pruning(), run: func(s *stage) {
			s.lokiFails(d, func() { s.loki.Inject(-1, fault) }, s.loki.Heal)
		}}
	}
	out := pick(180*time.Second, 15*time.Second)
	some := pick(30*time.Second, 5*time.Second)
	return []scenario{
		{name: "Loki out for " + out.String() + ", backups pruned", writer: pruning(), run: func(s *stage) {
			s.lokiFails(out, func() { s.lokiNet.Set(badnet.Condition{Unavailable: true}) }, func() {
				s.notReady("loki")
				s.lokiNet.Set(badnet.Condition{})
			})
		}},
		network("Loki takes 1 KB/s for "+some.String(), some, badnet.Condition{BytesPerSecond: 1000}),
		network("Loki's answers lost for "+some.String(), some, badnet.Condition{LoseAnswer: true}),
		answer("Loki answers 429 for "+some.String(), some, lokitest.Fault{Status: http.StatusTooManyRequests}),
		answer("Loki answers 500 for "+some.String(), some, lokitest.Fault{Status: http.StatusInternalServerError}),
		answer("Loki never answers for "+some.String(), some, lokitest.Fault{Hang: true}),
	}
}

// lokiFails writes before, during and after a fault of Loki.
func (s *stage) lokiFails(d time.Duration, begin, end func()) {
	s.t.Helper()
	s.start()
	s.ready()
	s.write(rate, 2*time.Second, time.Second)
	begin()
	s.write(rate, d, time.Second)
	s.eventually("the archive goes on while Loki fails", func() bool { return s.archivedFiles() >= len(s.finished()) })
	end()
	s.write(rate, 2*time.Second, time.Second)
}
