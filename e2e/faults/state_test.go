//go:build e2e

package faults

import (
	"os"
	"time"
)

// stateFaults are the scenarios in which the sidecar's own state is damaged
// while backups that are archived already are still listed.
func stateFaults() []scenario {
	of := func(name string, damage func(*stage)) scenario {
		return scenario{name: name, onS3: true, run: func(s *stage) {
			s.start()
			s.ready()
			s.write(rate, 4*time.Second, 700*time.Millisecond)
			s.eventually("something is archived", func() bool { return s.archivedFiles() >= len(s.finished())-1 })
			s.p.Kill()
			damage(s)
			s.start()
			s.ready()
			s.write(rate, 3*time.Second, 700*time.Millisecond)
		}}
	}
	return []scenario{
		of("ledger deleted", func(s *stage) { s.must(os.Remove(s.state("ledger.json"))) }),
		of("ledger corrupt", func(s *stage) { s.must(os.Truncate(s.state("ledger.json"), 100)) }),
		of("Loki cursor deleted", func(s *stage) { s.must(os.RemoveAll(s.state("cursor.json"))) }),
		of("work files deleted", func(s *stage) { s.must(os.RemoveAll(s.state("work"))) }),
	}
}
