//go:build e2e

package faults

import (
	"errors"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
)

// noHeartbeat keeps the first object from waiting behind a record whose answer
// is lost.
func noHeartbeat() []string { return []string{"--heartbeat-interval", "1h"} }

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
		{name: "ledger lost between PUT and record", onS3: true, args: noHeartbeat(), run: func(s *stage) {
			s.start()
			s.ready()
			s.s3Net.Set(badnet.Condition{LoseAnswer: true})
			s.write(rate, 2*time.Second, 500*time.Millisecond)
			s.eventually("an object is stored and nobody knows", func() bool { return s.archivedFiles() > 0 })
			s.p.Kill()
			s.must(errors.Join(os.Remove(s.state("ledger.json")), os.RemoveAll(s.state("work"))))
			s.s3Net.Set(badnet.Condition{})
			s.start()
			s.ready()
			s.write(rate, 2*time.Second, 500*time.Millisecond)
		}},
		of("work files deleted", func(s *stage) { s.must(os.RemoveAll(s.state("work"))) }),
	}
}
