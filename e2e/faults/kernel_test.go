//go:build e2e

package faults

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// kernelFaults are the scenarios in which a system call of the sidecar fails or stalls, or the
// file system has no inode left. The writer's own calls are as ever. A rule counts the calls of each
// thread.
func kernelFaults() []scenario {
	stall := pick(time.Minute, 3*time.Second)
	some := pick(30*time.Second, 6*time.Second)
	injected := func(name, rule string, run func(*stage)) scenario {
		return scenario{name: name, run: func(s *stage) {
			s.inject(rule)
			run(s)
		}}
	}
	return []scenario{
		injected("fsync stalls for "+stall.String(), fmt.Sprintf("fsync:delay_enter=%d:when=%s", stall.Microseconds(), pick("12", "12+40")), func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, some, time.Second)
		}),
		injected("fsync fails with EIO", "fsync:error=EIO:when=25", func(s *stage) {
			s.start()
			wait := s.writing(rate, some, time.Second)
			s.eventually("the process ends, because nothing that it wrote may be on the disk", func() bool {
				select {
				case <-s.p.Exited():
					return true
				default:
					return false
				}
			})
			s.binary = underTest
			s.start() // as kubelet does
			s.ready()
			wait()
		}),
		injected("no inotify instance", "inotify_init1:error=EMFILE", func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, some, time.Second)
		}),
		injected("one read in 50 fails with EIO", "read,pread64:error=EIO:when=50+50", func(s *stage) {
			s.start()
			wait := s.writing(rate, some, time.Second)
			for ended := false; !ended; s.sleep(500 * time.Millisecond) {
				s.restartIfEnded()
				ended = s.writer.Lines() >= int64(s.made)
			}
			wait()
			s.p.Kill()
			s.binary = underTest
			s.start()
			s.ready()
		}),
		{name: "read-only for " + some.String(), dir: (*stage).smallDisk, run: func(s *stage) { s.readOnly(some) }},
		{name: "clock 9 min on, 3 h back, a day on and back", anyOrder: true, run: clockJumps},
		{name: "no inodes for " + some.String(), dir: (*stage).smallDisk, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, 3*time.Second, time.Second)
			inodes := filepath.Join(filepath.Dir(filepath.Dir(s.log)), "inodes")
			s.must(fillInodes(inodes))
			s.write(rate, some, 0) // a rotation needs an inode, too
			s.must(os.RemoveAll(inodes))
			s.write(rate, 3*time.Second, time.Second)
		}},
	}
}

// readOnly makes the audit directory read-only for the sidecar, as a remount does, while the writer
// continues: the sidecar sees the directory through a mount of its own, on which the kernel lays a
// read-only one. A file system that is read-only for kube-apiserver, too, has no lines to lose.
func (s *stage) readOnly(d time.Duration) {
	s.t.Helper()
	dir := filepath.Dir(s.log)
	seen := filepath.Join(filepath.Dir(dir), "seen", "audit")
	s.must(os.MkdirAll(seen, 0o700))
	bind := func(from string, flags uintptr) {
		s.t.Helper()
		s.must(syscall.Mount(from, seen, "", syscall.MS_BIND, ""))
		s.t.Cleanup(func() { _ = syscall.Unmount(seen, syscall.MNT_DETACH) }) // mostly done already
		if flags != 0 {
			s.must(syscall.Mount("", seen, "", syscall.MS_BIND|syscall.MS_REMOUNT|flags, ""))
		}
	}
	bind(dir, 0)
	s.log = filepath.Join(seen, filepath.Base(s.log))
	s.start()
	s.ready()
	s.write(rate, 3*time.Second, time.Second)
	bind(dir, syscall.MS_RDONLY)
	if err := os.Mkdir(s.state("no"), 0o700); !errors.Is(err, syscall.EROFS) {
		s.t.Fatalf("a directory can be made on a read-only mount: %v", err)
	}
	wait := s.writing(rate, d, time.Second)
	for end := time.Now().Add(d); time.Now().Before(end); s.sleep(500 * time.Millisecond) {
		s.restartIfEnded()
	}
	s.must(syscall.Unmount(seen, syscall.MNT_DETACH))
	wait()
	s.restartIfEnded()
	s.ready()
	s.write(rate, 3*time.Second, time.Second)
}

// restartIfEnded does as kubelet does.
func (s *stage) restartIfEnded() {
	s.t.Helper()
	select {
	case <-s.p.Exited():
		s.start()
	default:
	}
}

// clockJumps sets the wall clock of the node, as NTP or an operator does, while lines are written: that
// of the sidecar, the times of files and lines, and the names that kube-apiserver gives.
func clockJumps(s *stage) {
	s.binary = filepath.Join(s.t.TempDir(), "auditsidecar-later")
	s.must(builds.AuditsidecarLater(s.binary))
	steps, err := os.Create(filepath.Join(s.t.TempDir(), "steps"))
	s.must(err)
	defer steps.Close()
	s.must(steps.Truncate(4096))
	s.env = append(s.env, "LATER_FILE="+steps.Name())
	w := s.ownWriter(0)
	s.start()
	s.ready()
	some := pick(15*time.Second, 4*time.Second)
	w.write(s, rate, some, 500*time.Millisecond)
	for i, by := range []time.Duration{9 * time.Minute, -3 * time.Hour, 24 * time.Hour, time.Minute} {
		s.awaitLoki() // a line that waits would be too far in the future for Loki, which counts as a drop
		step := binary.LittleEndian.AppendUint64(nil, uint64(by/time.Second))
		_, err := steps.WriteAt(step, int64(16*i+8))
		s.must(err)
		_, err = steps.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(time.Now().Unix())), int64(16*i))
		s.must(err)
		if w.ahead = by; by < 10*time.Minute { // what Loki takes
			w.write(s, rate, some, 500*time.Millisecond)
		} else {
			s.sleep(some) // some heartbeats
		}
	}
}

// inject has strace make system calls of the sidecar fail or wait: -D keeps the sidecar the child
// of this process. Debian's package strace; it needs no privileges.
func (s *stage) inject(rule string) {
	s.t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		s.t.Fatalf("install strace (apt-get install strace): %v", err)
	}
	call, _, _ := strings.Cut(rule, ":")
	script := fmt.Sprintf("#!/bin/sh\nexec strace -D -f -qq -o /dev/null -e trace=%s -e inject=%s %s \"$@\"\n", call, rule, underTest)
	s.binary = filepath.Join(s.t.TempDir(), "injected")
	s.must(os.WriteFile(s.binary, []byte(script), 0o700))
}

// fillInodes makes empty files until the file system has no inode left.
func fillInodes(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for i := 0; ; i++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if errors.Is(err, syscall.ENOSPC) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
}
