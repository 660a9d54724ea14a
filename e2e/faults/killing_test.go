//go:build e2e

package faults

import (
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// killing are the scenarios in which the sidecar itself ends.
func killing() []scenario {
	return []scenario{
		{name: pick("30", "6") + " times kill -9, rotations meanwhile", writer: audittest.Config{MaxBackups: 40}, onS3: true, run: killOften},
		{name: "kill -9 while backups are compressed", writer: audittest.Config{MaxBackups: 40, Compress: true}, run: killWhileCompressing},
		{name: "SIGTERM during an upload", writer: audittest.Config{MaxBackups: 40}, onS3: true, args: []string{"--shutdown-timeout", "3s"}, run: termDuringUpload},
		{name: "two sidecars on one directory", writer: audittest.Config{MaxBackups: 10}, run: twoSidecars},
		{name: "upgrade between PUT and ledger, work lost", onS3: true, args: noHeartbeat(), run: upgradeAfterPut},
		{name: "pruned while the sidecar was down", writer: audittest.Config{MaxBackups: 2}, gaps: []string{"pruned", "vanished"}, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(500, 2*time.Second, 300*time.Millisecond)
			s.p.Kill()
			before := s.lines()
			s.write(500, time.Second, 300*time.Millisecond)
			s.must(s.rotate())
			s.sleep(3 * time.Second) // longer than a loss can be and not be seen; a stalled disk may hold the writer up
			for range 4 {
				s.write(500, time.Second, 300*time.Millisecond)
				s.must(s.rotate())
			}
			s.destroyed = s.lines() - before
			s.unread = s.destroyed
			s.start()
			s.ready()
			s.write(500, 2*time.Second, 300*time.Millisecond)
		}},
	}
}

func killOften(s *stage) {
	s.start()
	wait := s.writing(2000, pick(75*time.Second, 14*time.Second), 500*time.Millisecond)
	for range pick(30, 6) {
		s.sleep(random(50*time.Millisecond, 2500*time.Millisecond))
		s.p.Kill()
		s.sleep(random(100*time.Millisecond, 1200*time.Millisecond))
		s.start()
	}
	wait()
	s.ready()
}

// killWhileCompressing has the open file rotated and compressed while no sidecar
// runs: its held link and the .log.gz are two inodes of one file.
func killWhileCompressing(s *stage) {
	s.start()
	s.ready()
	wait := s.writing(1000, pick(40*time.Second, 9*time.Second), 500*time.Millisecond)
	for range pick(15, 3) {
		s.sleep(random(700*time.Millisecond, 1500*time.Millisecond))
		s.p.Kill()
		s.sleep(random(600*time.Millisecond, 1200*time.Millisecond))
		s.start()
	}
	wait()
	s.ready()
}

func termDuringUpload(s *stage) {
	s.start()
	s.ready()
	for range pick(5, 2) {
		s.s3Net.Set(badnet.Condition{BytesPerSecond: 100}) // to wait for an object's end exceeds stopLimit
		s.write(2000, 2*time.Second, time.Second)
		s.eventually("an upload is under way", func() bool { return s.s3Net.InFlight() > 0 })
		s.stop()
		s.write(1000, time.Second, 500*time.Millisecond)
		s.s3Net.Set(badnet.Condition{})
		s.start()
		s.ready()
	}
}

func twoSidecars(s *stage) {
	s.start()
	s.ready()
	second := s.another()
	s.readiness(second, false, "one sidecar works on an audit directory")
	wait := s.writing(1000, pick(30*time.Second, 8*time.Second), 700*time.Millisecond)
	s.sleep(pick(12*time.Second, 3*time.Second))
	s.p.Kill()
	s.p = second
	s.limits.watch(s.t.Context(), second)
	s.ready()
	wait()
}

// upgradeAfterPut loses the answers of the uploads, kills the sidecar, loses
// its work files, and continues with a version that makes other bytes of the same
// lines.
func upgradeAfterPut(s *stage) {
	s.start()
	s.ready()
	s.s3Net.Set(badnet.Condition{LoseAnswer: true})
	s.write(1000, 2*time.Second, 500*time.Millisecond)
	s.eventually("an object is stored and nobody knows", func() bool { return s.archivedFiles() > 0 })
	s.p.Kill()
	s.must(os.RemoveAll(s.state("work")))
	s.s3Net.Set(badnet.Condition{})
	s.binary = filepath.Join(s.t.TempDir(), "auditsidecar")
	s.must(builds.AuditsidecarVersion(s.binary, "another-version"))
	s.start()
	s.ready()
	s.write(1000, 2*time.Second, 500*time.Millisecond)
}
