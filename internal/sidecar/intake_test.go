package sidecar

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/apiserver"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// arrival is an audit directory whose intake looks as often as it does in run.
type arrival struct {
	t      *testing.T
	in     *intake
	dir    string
	events int64 // that kube-apiserver counts
	gone   bool
}

// newArrival makes one of a log; with counter kube-apiserver answers with its counts.
func newArrival(t *testing.T, counter bool) *arrival {
	t.Helper()
	a := &arrival{t: t, dir: t.TempDir(), events: 1000}
	log, err := rotate.ParsePath(filepath.Join(a.dir, "audit.log"))
	must(t, err)
	a.in = newIntake(log, nil, 10*time.Minute, zerolog.Nop(), prometheus.NewRegistry())
	if counter {
		a.in.server = a.ask
	}
	return a
}

// ask answers as kube-apiserver.
func (a *arrival) ask(context.Context) (apiserver.Counters, error) {
	if a.gone {
		return apiserver.Counters{}, errors.New("connection refused")
	}
	return apiserver.Counters{Started: time.Unix(1, 0), Events: a.events}, nil
}

// write adds a line to a file.
func (a *arrival) write(name string) {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(a.t, err)
	_, err = f.WriteString("0123456789\n")
	must(a.t, err)
	must(a.t, f.Close())
	must(a.t, os.Chtimes(path, time.Time{}, time.Now()))
}

// pass lets time pass, and kube-apiserver count some events a minute.
func (a *arrival) pass(d time.Duration, events int64) {
	for range d / lookEvery {
		a.in.look(a.t.Context())
		time.Sleep(lookEvery)
		if time.Now().Second() == 0 {
			a.events += events
		}
	}
	a.in.look(a.t.Context())
}

func TestIntake(t *testing.T) {
	for name, test := range map[string]struct {
		counter bool
		do      func(*arrival)
		want    admin.State
		nearest string
		record  manifest.InputState // in the heartbeat
	}{
		"no file yet":        {false, func(a *arrival) { a.pass(30*time.Second, 0) }, admin.NotTried, "", ""},
		"an empty directory": {true, func(a *arrival) { a.pass(2*time.Minute, 0) }, admin.NoFile, "", manifest.InputNoFile},
		"a wrong name":       {false, func(a *arrival) { a.write("kube-audit.log"); a.write("other.txt"); a.pass(2*time.Minute, 0) }, admin.NoFile, "kube-audit.log", manifest.InputNoFile},
		"only backups":       {false, func(a *arrival) { a.write("audit-2026-11-22T12-00-00.000.log"); a.pass(2*time.Minute, 0) }, admin.NoFile, "audit-2026-11-22T12-00-00.000.log", manifest.InputNoFile},
		"a file that went": {false, func(a *arrival) {
			a.write("audit.log")
			a.pass(time.Minute, 0)
			must(a.t, os.Remove(filepath.Join(a.dir, "audit.log")))
			a.pass(2*time.Minute, 0)
		}, admin.NoFile, "", manifest.InputNoFile},
		"lines arrive": {true, func(a *arrival) {
			a.write("audit.log")
			a.pass(9*time.Minute, 0)
			a.write("audit.log")
			a.pass(9*time.Minute, 0)
		}, admin.Working, "", ""},
		"silent, no counter": {false, func(a *arrival) { a.write("audit.log"); a.pass(11*time.Minute, 5) }, admin.Silent, "", manifest.InputSilent},
		"one answer is no rest": {true, func(a *arrival) {
			a.write("audit.log")
			at := time.Now().Add(-time.Hour)
			must(a.t, os.Chtimes(filepath.Join(a.dir, "audit.log"), at, at))
			a.pass(30*time.Second, 0)
		}, admin.Silent, "", manifest.InputSilent},
		"a counter at rest": {true, func(a *arrival) { a.write("audit.log"); a.pass(time.Hour, 0) }, admin.Quiet, "", ""},
		"a counter rises":   {true, func(a *arrival) { a.write("audit.log"); a.pass(5*time.Minute, 5) }, admin.Losing, "", manifest.InputLosing},
		"lines again": {true, func(a *arrival) {
			a.write("audit.log")
			a.pass(5*time.Minute, 5)
			a.write("audit.log")
			a.pass(time.Minute, 0)
		}, admin.Working, "", ""},
		"it began anew": {true, func(a *arrival) {
			a.write("audit.log")
			a.pass(3*time.Minute, 0)
			a.events = 3
			a.pass(9*time.Minute, 0)
		}, admin.Quiet, "", ""},
		"kube-apiserver is away": {true, func(a *arrival) { a.write("audit.log"); a.gone = true; a.pass(11*time.Minute, 5) }, admin.Silent, "", manifest.InputSilent},
		"an empty open file": {false, func(a *arrival) {
			must(a.t, os.WriteFile(filepath.Join(a.dir, "audit.log"), nil, 0o600))
			a.pass(11*time.Minute, 0)
		}, admin.Silent, "", manifest.InputSilent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newArrival(t, test.counter)
				test.do(a)
				got := *a.in.shown.Load()
				if got.State != test.want || got.Nearest != test.nearest {
					t.Errorf("%+v, want %s, nearest %q", got, test.want, test.nearest)
				}
				record := a.in.Input()
				if (record == nil) != (test.record == "") || record != nil && record.State != test.record {
					t.Errorf("the record has %+v, want %q", record, test.record)
				}
				if got.State == admin.Losing && got.Counted == 0 {
					t.Errorf("%+v: no events", got)
				}
				want := 0.0
				if !got.LastLine.IsZero() {
					want = float64(got.LastLine.UnixMilli()) / 1e3
				}
				if last := testutil.ToFloat64(a.in.lastLine); last != want {
					t.Errorf("log_last_line_timestamp_seconds %v, want %v", last, want)
				}
			})
		})
	}
}

// The growth counts from the first look on, across a rotation.
func TestIntakeCounts(t *testing.T) {
	a := newArrival(t, false)
	a.write("audit.log")
	for n, do := range []func(){
		func() {},
		func() { a.write("audit.log") },
		func() {
			a.write("audit.log")
			must(t, os.Rename(filepath.Join(a.dir, "audit.log"), filepath.Join(a.dir, "audit-2026-11-22T12-00-00.000.log")))
			a.write("audit.log")
		},
	} {
		do()
		a.in.look(t.Context())
		if got := testutil.ToFloat64(a.in.bytes); got != []float64{0, 11, 33}[n] {
			t.Errorf("step %d: %v bytes", n, got)
		}
	}
}
