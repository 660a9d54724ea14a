//go:build e2e

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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
