package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// writeProfile converts and checks the input in rounds, streams a log, and
// writes what took the CPU time to a file that the compiler takes as its profile
// (-pgo).
func (s *session) writeProfile() error {
	args := []string{"tool", "pprof", "-proto", "-output", s.pgo, s.self}
	for i := range s.rounds {
		for _, verb := range []string{"convert", "check"} {
			profile := filepath.Join(s.dir, verb+strconv.Itoa(i))
			if _, _, err := run([]string{profileVariable + "=" + profile}, s.self, childVerb, verb, s.input, s.output(verb)); err != nil {
				return err
			}
			args = append(args, profile)
		}
	}
	stream := filepath.Join(s.dir, "stream")
	cmd := exec.Command("go", "test", "-trimpath", "-run", "^$", "-bench", "Stream/redacted", "-benchtime", strconv.Itoa(s.rounds)+"x",
		"-cpuprofile", stream, "-o", filepath.Join(s.dir, "live.test"), "./internal/live")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("stream a log: %w: %s", err, out)
	}
	args = append(args, stream)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("merge profiles: %w: %s", err, out)
	}
	return nil
}
