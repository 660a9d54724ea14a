package lokipush

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// newWords refuses the lines that begin with "bad", as no Loki does yet.
func newWords(line string) string {
	if strings.HasPrefix(line, "bad") {
		return "the entry is not to our taste"
	}
	return ""
}

func numbered(kind string, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint(kind, " ", i)
	}
	return lines
}

// A server that refuses everything, in words that are not known, is not believed: nothing is lost,
// it is told once, and asked seldom.
func TestI6_RefusalOfEverythingIsNotBelieved(t *testing.T) {
	for _, status := range []int{400, 422} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{})
			r.Inject(-1, lokitest.Fault{Status: status, Body: "computer says no"})
			time.AfterFunc(9*time.Minute+45*time.Second, r.Heal)
			j := newJournal(PusherConfig{})
			refused, err := newTestPusher(t, r, j.config).Deliver(t.Context(), batchOf(t, numbered("good", 1000)...))
			if err != nil || len(refused) != 0 || r.Distinct() != 1000 {
				t.Errorf("%d: %d refused, %v, %d arrived", status, len(refused), err, r.Distinct())
			}
			if want := []string{"0s down stop", "10m0s up 10m0s"}; !slices.Equal(j.events, want) {
				t.Errorf("told %q, want %q", j.events, want)
			}
			if n := r.Pushes(); n > 1100 { // one a line after the outage, as they were asked for one by one
				t.Errorf("%d pushes", n)
			}
		})
	}
}

// Lines that only are refused in such words are found without waiting, wherever they are.
func TestDeliverFindsLinesRefusedInNewWords(t *testing.T) {
	for _, bad := range [][]int{{0}, {99}, {40, 41}, {0, 1, 2, 97, 98, 99}, {3, 50, 60}} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{Refuse: newWords})
			lines := numbered("good", 100)
			for _, i := range bad {
				lines[i] = fmt.Sprint("bad ", i)
			}
			j := newJournal(PusherConfig{})
			refused, err := newTestPusher(t, r, j.config).Deliver(t.Context(), batchOf(t, lines...))
			if took := time.Since(j.start); err != nil || took != 0 || len(j.events) != 0 {
				t.Errorf("%v after %v, told %q", err, took, j.events)
			}
			var got []int
			for _, refusal := range refused {
				got = append(got, refusal.Index)
				if refusal.Reason != ReasonOther || refusal.Err.Decision != Refused {
					t.Errorf("%v", refusal)
				}
			}
			if !slices.Equal(got, bad) || r.Distinct() != 100-len(bad) {
				t.Errorf("refused %v, want %v; %d arrived", got, bad, r.Distinct())
			}
		})
	}
}

// A lone line waits for a push that is accepted, of whoever it is.
func TestDoubtWaitsForAWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{Refuse: newWords})
		j := newJournal(PusherConfig{})
		p := newTestPusher(t, r, j.config)
		if _, err := p.Deliver(t.Context(), batchOf(t, "good before")); err != nil {
			t.Fatal(err) // proves nothing: it was before
		}
		var other sync.WaitGroup
		other.Go(func() {
			time.Sleep(45 * time.Second)
			if _, err := p.Deliver(t.Context(), batchOf(t, "good after")); err != nil {
				t.Error(err)
			}
		})
		refused, err := p.Deliver(t.Context(), batchOf(t, "bad"))
		other.Wait()
		if took := time.Since(j.start); err != nil || len(refused) != 1 || took != time.Minute {
			t.Errorf("%v, %v after %v", refused, err, took)
		}
		if want := []string{"0s down stop", "45s up 45s"}; !slices.Equal(j.events, want) {
			t.Errorf("told %q, want %q", j.events, want)
		}
	})
}

// A server that begins to refuse everything in the middle of a search is not believed either.
func TestI6_RefusalThatBeginsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := false
		r := lokitest.New(lokitest.Config{Refuse: func(line string) string {
			if closed {
				return "closed"
			}
			closed = line == "good 40"
			return newWords(line)
		}})
		lines := numbered("good", 100)
		lines[3] = "bad"
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		refused, err := newTestPusher(t, r, PusherConfig{}).Deliver(ctx, batchOf(t, lines...))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", refused, err)
		}
		for _, refusal := range refused {
			if refusal.Index != 3 {
				t.Errorf("%v", refusal)
			}
		}
	})
}

// What stands before Loki, or a URL with the wrong scheme, makes nothing lost.
func TestI6_WhatIsNoLokiRefusesNothing(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it says so, too
	server.StartTLS()
	defer server.Close()
	client := newTestClient(t, Config{URL: strings.Replace(server.URL, "https", "http", 1)}, http.DefaultTransport)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	p, err := NewPusher(client, PusherConfig{FailOnStop: true})
	if err != nil {
		t.Fatal(err)
	}
	refused, err := p.Deliver(t.Context(), batchOf(t, "a", "b"))
	if len(refused) != 0 || DecisionOf(err) != Stop {
		t.Errorf("%v, %v", refused, err)
	}
}
