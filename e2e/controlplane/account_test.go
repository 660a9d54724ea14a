//go:build e2e

package controlplane

import (
	"context"
	"testing"
	"time"
)

// scenario is one way of running kube-apiserver and disturbing it.
type scenario struct {
	name             string
	flags            []string // of kube-apiserver
	args             []string // of the sidecar
	s3               bool     // archive to the S3 server
	rounds           int      // of requests in each life of kube-apiserver
	restarts         int      // clean stops and starts of kube-apiserver
	kills            int      // kill -9 of the sidecar in each life
	apiKills         int      // kill -9 of kube-apiserver, under load
	storeUnavailable bool     // S3 is unavailable during the first life
	byIncrements     bool     // the last file stays open; its increments are the archive
	realLoki         bool     // Loki itself instead of the receiver
	redacted         bool     // lines to Loki are redacted, as they are by default
	counted          bool     // heartbeats have kube-apiserver's own counters
}

var scenarios = []scenario{
	{
		name: "blocking", rounds: 400, redacted: true, counted: true,
		flags: []string{"--audit-log-maxsize=1", "--audit-log-maxbackup=100"},
	},
	{
		name: "compressed-S3-Loki", s3: true, realLoki: true, rounds: 400,
		flags: []string{"--audit-log-maxsize=1", "--audit-log-maxbackup=3", "--audit-log-compress"},
	},
	{
		name: "batch-S3-sidecar-killed", s3: true, rounds: 400, kills: 4,
		flags: []string{"--audit-log-mode=batch", "--audit-log-maxsize=2", "--audit-log-maxbackup=3"},
	},
	{
		name: "restarts-S3-away-pruned-Loki", s3: true, realLoki: true, rounds: 300, restarts: 1, kills: 1, storeUnavailable: true,
		flags: []string{"--audit-log-maxsize=1", "--audit-log-maxbackup=1"},
	},
	{
		name: "open-file-by-increments", rounds: 300, restarts: 1, byIncrements: true,
		flags: []string{"--audit-log-maxsize=5"}, args: []string{"--archive-max-lag=1s"},
	},
	{
		name: "kube-apiserver-killed", s3: true, rounds: 300, apiKills: 2, kills: 1,
		flags: []string{"--audit-log-maxsize=1", "--audit-log-maxbackup=2", "--audit-log-compress"},
	},
}

// Events counted by kube-apiserver less those it could not write = lines that it
// wrote = lines in the archive = lines in Loki, in every mode, through
// rotation, pruning, compression, restarts and kills.
func TestI1_Account(t *testing.T) {
	table := newTable()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			r := newFixture(t, s)
			r.startSidecar()
			r.play(s)
			table.add(s, r.check(s))
		})
	}
	t.Logf("the account:\n%s", table)
}

// play lets kube-apiserver live as often as the scenario says. The last life
// ends cleanly.
func (r *fixture) play(s scenario) {
	r.t.Helper()
	for n := range s.restarts + s.apiKills + 1 {
		unavailable := s.storeUnavailable && n == 0
		if unavailable {
			r.store.Stop(r.t)
		}
		r.startAPIServer()
		if n < s.apiKills {
			r.killUnderLoad(s)
		} else {
			done := r.traffic(r.t.Context(), s.rounds)
			r.killSidecar(s.kills)
			r.answered(done)
			r.count(5)
			if err := r.api.Terminate(); err != nil {
				r.t.Fatal(err)
			}
			r.ended(false)
		}
		if unavailable {
			r.store.Resume(r.t)
		}
	}
	if s.byIncrements {
		r.finishByIncrements()
	} else {
		r.finish()
	}
}

// killUnderLoad kills kube-apiserver in the middle of its requests; its
// counters, read some time before, die with it.
func (r *fixture) killUnderLoad(s scenario) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	done := r.traffic(ctx, 1<<20)
	r.killSidecar(s.kills)
	time.Sleep(5 * time.Second)
	r.count(1)
	r.api.Kill()
	r.ended(true)
	cancel()
	r.answered(done)
}
