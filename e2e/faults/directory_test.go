//go:build e2e

package faults

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// directoryFaults are the scenarios in which something happens to the audit
// directory and its files.
func directoryFaults() []scenario {
	full := pick(20*time.Second, 8*time.Second)
	return []scenario{
		{name: "disk full for " + full.String(), dir: (*stage).smallDisk, run: func(s *stage) { s.fillDisk(full) }},
		{name: "backups deleted the moment they appear", run: func(s *stage) {
			w := s.ownWriter(0)
			w.delete = true
			s.start()
			s.ready()
			w.write(s, rate, pick(30*time.Second, 8*time.Second), 500*time.Millisecond)
			w.delete = false // the last rotation comes without a line after it
		}},
		{name: "audit.log truncated, writer appends", gaps: []string{"truncated"}, run: func(s *stage) { s.truncate() }},
		{name: "audit.log truncated, NUL hole", gaps: []string{"truncated", "nul_hole"}, run: func(s *stage) {
			s.writeAtOnce(500)
			s.must(s.rotate()) // from here on the writer has no O_APPEND
			s.truncate()
		}},
		{name: "audit.log unlinked under its writer", run: unlinkOpen},
		{name: "audit.log moved away, a new one made", gaps: []string{"replaced", "truncated"}, run: moveOpen}, // its new file becomes an empty backup
		{name: "directory gone and back", run: directoryGone},
		{name: "clock set back an hour", anyOrder: true, run: func(s *stage) {
			w := s.ownWriter(3)
			s.start()
			s.ready()
			w.write(s, rate, pick(15*time.Second, 4*time.Second), 500*time.Millisecond)
			w.ahead = -time.Hour
			w.write(s, rate, pick(15*time.Second, 4*time.Second), 500*time.Millisecond)
			w.keep = 0 // the last rotation comes without a line after it
		}},
	}
}

// diskSize is enough for the files that a scenario writes and converts, and soon filled.
const diskSize = "size=96m,nr_inodes=3000"

// smallDisk mounts a tmpfs of its own.
func (s *stage) smallDisk() string {
	s.t.Helper()
	dir := s.t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, diskSize); err != nil {
		s.t.Fatalf("mount a small tmpfs (needs root): %v", err)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			s.t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fillDisk fills the disk for d while lines and rotations continue. Lines that the
// writer could not write are not in its account.
func (s *stage) fillDisk(d time.Duration) {
	s.t.Helper()
	s.start()
	s.ready()
	s.write(rate, 3*time.Second, time.Second)
	ballast := filepath.Join(filepath.Dir(filepath.Dir(s.log)), "ballast")
	s.must(fill(ballast))
	refused := s.writeAnyway(d)
	if refused == 0 {
		s.t.Error("the disk was not full")
	}
	s.must(os.Remove(ballast))
	s.write(rate, 3*time.Second, time.Second)
}

// fill writes a file that takes all the space there is.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := bytes.Repeat([]byte("x"), 64<<10)
	for err == nil {
		if _, err = f.Write(block); err != nil && len(block) > 1 {
			block, err = block[:len(block)/2], nil
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// writeAnyway writes as kube-apiserver does when the disk is full: lines that cannot
// be written are lost, and the next event is tried.
func (s *stage) writeAnyway(d time.Duration) (refused int) {
	s.t.Helper()
	begin, n := time.Now(), 0
	for line := range s.fresh(int(rate * d.Seconds())) {
		if due := begin.Add(time.Duration(n) * time.Second / rate); n%10 == 0 && time.Until(due) > 0 {
			s.sleep(time.Until(due))
		}
		if n++; n%(2*rate) == 0 {
			s.rotateLast() // rotation is by size: an empty file is not rotated
		}
		err := s.writer.WriteLine(line)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			refused++
		case err != nil:
			s.t.Fatal(err)
		}
	}
	return refused
}

// truncate cuts audit.log to nothing after Loki has its lines and before the
// archive could have them.
func (s *stage) truncate() {
	s.t.Helper()
	s.start()
	s.ready()
	s.write(rate, 2*time.Second, 0)
	s.awaitLoki()
	files := s.account()
	content, err := os.ReadFile(files[len(files)-1].Path)
	s.must(err)
	for line := range audittest.Lines(content) {
		s.gone = append(s.gone, line)
	}
	s.destroyed = len(s.gone)
	s.must(os.Truncate(s.log, 0))
	s.write(rate, 4*time.Second, 0)
	s.must(s.rotate())
	s.write(rate, 2*time.Second, time.Second)
}

func unlinkOpen(s *stage) {
	s.start()
	s.ready()
	s.write(rate, 2*time.Second, 900*time.Millisecond)
	s.awaitHeld()
	s.must(os.Remove(s.log))
	s.write(rate, pick(20*time.Second, 6*time.Second), 0)
	s.awaitLoki() // the lines are still streamed
	s.must(s.rotate())
	s.write(rate, 2*time.Second, 900*time.Millisecond)
}

// moveOpen moves audit.log as logrotate does: kube-apiserver knows nothing
// of it and continues in the old file.
func moveOpen(s *stage) {
	s.start()
	s.ready()
	s.write(rate, 2*time.Second, 900*time.Millisecond)
	s.awaitHeld()
	s.must(os.Rename(s.log, s.log+".1"))
	s.must(os.WriteFile(s.log, nil, 0o600))
	s.write(rate, pick(20*time.Second, 6*time.Second), 0)
	s.awaitLoki() // the lines are still streamed
	s.must(s.rotate())
	s.write(rate, 2*time.Second, 900*time.Millisecond)
}

// directoryGone moves the audit directory away, with its writer writing on, and
// back. The sidecar may end meanwhile; kubelet starts it again.
func directoryGone(s *stage) {
	s.start()
	s.ready()
	s.write(rate, 2*time.Second, 900*time.Millisecond)
	wait := s.writing(rate, pick(30*time.Second, 9*time.Second), 0)
	dir := filepath.Dir(s.log)
	s.must(os.Rename(dir, dir+".away"))
	for end := time.Now().Add(pick(20*time.Second, 6*time.Second)); time.Now().Before(end); s.sleep(500 * time.Millisecond) {
		s.restartIfEnded()
	}
	s.must(os.Rename(dir+".away", dir))
	wait()
	s.restartIfEnded()
	s.ready()
	s.write(rate, 2*time.Second, 900*time.Millisecond)
}
