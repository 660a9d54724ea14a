package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// writeProfile converts and checks the input in rounds and writes the profile of
// the CPU time to a file that the compiler takes as its profile (-pgo).
func (s *session) writeProfile(input string) error {
	args := []string{"tool", "pprof", "-proto", "-output", s.pgo, s.self}
	for i := range s.rounds {
		for _, verb := range []string{"convert", "check"} {
			profile := filepath.Join(s.dir, verb+strconv.Itoa(i)+".profile")
			if _, _, err := run([]string{profileVariable + "=" + profile, "GOMAXPROCS=1"}, s.self, childVerb, verb, input, filepath.Join(s.dir, verb)); err != nil {
				return err
			}
			args = append(args, profile)
		}
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("merge profiles: %w: %s", err, out)
	}
	return nil
}
