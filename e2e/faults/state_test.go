//go:build e2e

package faults

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// noHeartbeat keeps the first object from waiting behind a record whose answer
// is lost.
func noHeartbeat() []string { return []string{"--heartbeat-interval", "1h"} }

// stateFaults are the scenarios in which the sidecar's own state is damaged
// while backups that are archived already are still listed.
func stateFaults() []scenario {
	of := func(name string, damage func(*stage), gaps ...string) scenario {
		return scenario{name: name, onS3: true, gaps: gaps, run: func(s *stage) {
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
		of("ledger deleted", func(s *stage) { s.must(os.Remove(s.state("ledger.json"))) }, "state_lost"),
		of("ledger corrupt", func(s *stage) { s.must(os.Truncate(s.state("ledger.json"), 100)) }, "state_lost"),
		of("all state deleted", func(s *stage) { s.must(os.RemoveAll(s.state(""))) }, "state_lost"),
		ledgerPutBack("older ledger put back", audittest.Config{}),
		ledgerPutBack("older ledger put back, its files pruned", audittest.Config{MaxBackups: 2}),
		ledgerPutBack("older ledger put back, compressed", audittest.Config{MaxBackups: 40, Compress: true}),
		of("Loki cursor deleted", func(s *stage) { s.must(os.RemoveAll(s.state("cursor.json"))) }),
		{name: "ledger lost between PUT and record", onS3: true, gaps: []string{"state_lost"}, args: noHeartbeat(), run: func(s *stage) {
			s.start()
			s.ready()
			s.eventually("the archive was asked for earlier epochs", func() bool {
				ledger, err := os.ReadFile(s.state("ledger.json"))
				return err == nil && !strings.Contains(string(ledger), `"fresh":true`)
			})
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

// ledgerPutBack puts back the ledger of some rotations ago, as a restored backup does;
// files that kube-apiserver has pruned since are in the archive.
func ledgerPutBack(name string, writer audittest.Config) scenario {
	return scenario{name: name, writer: writer, onS3: true, gaps: []string{"state_lost"}, run: func(s *stage) {
		s.start()
		s.ready()
		s.write(rate, 2*time.Second, 500*time.Millisecond)
		s.eventually("something is archived", func() bool { return s.archivedFiles() > 1 })
		old, err := os.ReadFile(s.state("ledger.json"))
		s.must(err)
		s.write(rate, 2*time.Second, 500*time.Millisecond)
		s.eventually("all is archived", func() bool { return s.archivedFiles() >= len(s.finished())-1 })
		s.p.Kill()
		s.must(os.WriteFile(s.state("ledger.json"), old, 0o600))
		s.start()
		s.ready()
		s.write(rate, 2*time.Second, 500*time.Millisecond)
	}}
}
