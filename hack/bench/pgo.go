package main

import (
	"fmt"
	"os/exec"
	"strconv"
)

// writeProfile converts and checks every corpus in rounds and writes the profile of
// the CPU time to a file that the compiler takes as its profile (-pgo).
func (s *session) writeProfile() error {
	args := []string{"tool", "pprof", "-proto", "-output", s.pgo, s.self}
	for _, c := range s.corpora {
		for i := range c.rounds {
			for _, verb := range []string{"convert", "check"} {
				out := c.output(verb + strconv.Itoa(i))
				if _, _, err := run([]string{profileVariable + "=" + out + ".profile", "GOMAXPROCS=1"}, s.self, childVerb, verb, c.input, out); err != nil {
					return err
				}
				args = append(args, out+".profile")
			}
		}
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("merge profiles: %w: %s", err, out)
	}
	return nil
}
