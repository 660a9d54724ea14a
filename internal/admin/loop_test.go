package admin

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// A loop that changes from well to failing and back leaves one line each, with
// how long it took and how many attempts.
func TestTransitionsAreLoggedOnce(t *testing.T) {
	r := newFixture()
	l := r.Loop("archive")
	unavailable := errors.New("no connection")
	for _, step := range []struct {
		name string
		err  error
		want []logLine
	}{
		{"the first pass", nil, []logLine{{Level: "info", Message: "archive: running"}}},
		{"the second", nil, nil},
		{"a failure", unavailable, []logLine{{Level: "error", Message: "archive: failing, retrying", Error: "no connection"}}},
		{"the same again", unavailable, nil},
		{"the same in other words", fmt.Errorf("%w", unavailable), nil},
		{"well again", nil, []logLine{{Level: "info", Message: "archive: well again", After: 30_000, Attempts: 3}}},
		{"still well", nil, nil},
		{"a new failure", unavailable, []logLine{{Level: "error", Message: "archive: failing, retrying", Error: "no connection"}}},
		{"and its end", nil, []logLine{{Level: "info", Message: "archive: well again", After: 10_000, Attempts: 1}}},
	} {
		r.pass(10 * time.Second)
		l.Observe(step.err)
		for i := range step.want {
			step.want[i].Loop = "archive"
		}
		if got := r.taken(t); !slices.Equal(got, step.want) {
			t.Errorf("%s: logged %+v, want %+v", step.name, got, step.want)
		}
	}
}

// A loop that never was well has no "running"; it is well again at last.
func TestFailingFromTheStart(t *testing.T) {
	r := newFixture()
	l := r.Loop("loki")
	l.Observe(errors.New("refused"))
	l.Observe(nil)
	got := r.taken(t)
	if len(got) != 2 || got[0].Level != "error" || got[1].Message != "loki: well again" {
		t.Errorf("logged %+v", got)
	}
}

// Another reason is worth a line, but an error that differs each time (it has
// a port, a request ID) fills no log, and the last reason is not lost.
func TestAnotherReason(t *testing.T) {
	r := newFixture()
	l := r.Loop("archive")
	l.Observe(errors.New("first"))
	r.taken(t)
	for n := range 61 { // one a second, for a minute
		l.Observe(fmt.Errorf("connection from port %d broke", n))
		r.pass(time.Second)
	}
	got := r.taken(t)
	if len(got) != 1 || got[0].Level != "warn" || got[0].Error != "connection from port 60 broke" {
		t.Errorf("in a minute %+v", got)
	}
	l.Observe(errors.New("at last"))
	if got := r.taken(t); len(got) != 0 {
		t.Errorf("within the minute %+v", got)
	}
	for range 5 {
		r.pass(time.Minute)
		l.Observe(errors.New("at last"))
	}
	if got := r.taken(t); len(got) != 1 || got[0].Error != "at last" {
		t.Errorf("later %+v", got)
	}
	l.Observe(nil)
	l.Observe(errors.New("at last"))
	if got := r.taken(t); len(got) != 2 || got[1].Level != "error" {
		t.Errorf("a new failure with the old reason: %+v", got)
	}
}

func TestConcurrentReports(t *testing.T) {
	r := newFixture()
	loops := []*Loop{r.Loop("a"), r.Loop("b")}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 50 {
				loops[n%2].Observe(errors.New("away"))
				_, _ = ask(r.livez, "/livez")
				_, _ = ask(r.readyz, "/readyz?verbose")
				loops[n%2].Observe(nil)
			}
		})
	}
	all.Wait()
	if code, body := ask(r.readyz, "/readyz"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

// A loop that only a person can help says so at once.
func TestStoppedIsLogged(t *testing.T) {
	r := newFixture()
	r.Loop("loki").Observe(&Fault{Err: errors.New("loki answered 401"), Person: true})
	if got := r.taken(t); len(got) != 1 || got[0].Message != "loki: stopped until a person changes something" || got[0].Error != "loki answered 401" {
		t.Errorf("logged %+v", got)
	}
}
