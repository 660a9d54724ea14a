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

	"github.com/grafana/dskit/backoff"

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

// A server that refuses everything in unknown words has nothing dropped: it is reported once, and
// asked seldom.
func TestI6_RefusalOfEverythingIsNotBelieved(t *testing.T) {
	for _, status := range []int{400, 422} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{})
			r.Inject(-1, lokitest.Fault{Status: status, Body: "computer says no"})
			time.AfterFunc(9*time.Minute+45*time.Second, r.Heal)
			j := newJournal()
			refused, err := newTestPusher(t, r, backoff.Config{}, j).Deliver(t.Context(), batchOf(t, numbered("good", 1000)...))
			if err != nil || len(refused) != 0 || r.Distinct() != 1000 {
				t.Errorf("%d: %d refused, %v, %d arrived", status, len(refused), err, r.Distinct())
			}
			if want := []string{"0s stop", "10m0s accepted"}; !slices.Equal(j.events, want) {
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
			j := newJournal()
			refused, err := newTestPusher(t, r, backoff.Config{}, j).Deliver(t.Context(), batchOf(t, lines...))
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

// Many at the beginning of a batch are found, too, although nothing is accepted before them.
func TestDeliverFindsManyLinesRefusedInNewWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{Refuse: newWords})
		refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(t.Context(), batchOf(t, append(numbered("bad", 20), "good")...))
		if err != nil || len(refused) != 20 || r.Distinct() != 1 {
			t.Errorf("%d refused, %v, %d arrived", len(refused), err, r.Distinct())
		}
	})
}

// An entry that no other entry of its batch speaks for stops the stream, whatever else is accepted:
// it is reported once, and not refused.
func TestI6_SuspectAloneStopsTheStream(t *testing.T) {
	for _, lines := range [][]string{{"bad"}, {"bad 1", "bad 2", "bad 3"}, numbered("bad", 20)} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{Refuse: newWords})
			j := newJournal()
			p := newTestPusher(t, r, backoff.Config{}, j)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour-time.Second)
			defer cancel()
			var others sync.WaitGroup
			others.Go(func() {
				for i := range 10 {
					time.Sleep(45 * time.Second)
					if _, err := p.Deliver(t.Context(), batchOf(t, fmt.Sprint("good ", i))); err != nil {
						t.Error(err)
					}
				}
			})
			refused, err := p.Deliver(ctx, batchOf(t, lines...))
			others.Wait()
			if status, ok := errors.AsType[*StatusError](err); len(refused) != 0 || !errors.Is(err, context.DeadlineExceeded) || !ok || status.Decision != Stop {
				t.Errorf("%d lines: %v, %v", len(lines), refused, err)
			}
			if len(j.events) == 0 || j.events[0] != "0s stop" {
				t.Errorf("%d lines: reported %q", len(lines), j.events)
			}
			if n := r.Pushes(); n > 200 {
				t.Errorf("%d lines: %d pushes in an hour", len(lines), n)
			}
		})
	}
}

// A fault between: a gateway that refuses some pushes, in words that are not known, never has
// an entry refused that Loki would take.
func TestI6_RefusalThatBeginsMeanwhile(t *testing.T) {
	closed := map[string]func(push int) bool{}
	for gateways := 2; gateways < 8; gateways++ {
		for phase := range gateways {
			closed[fmt.Sprintf("gateway %d of %d", phase, gateways)] = func(push int) bool { return push%gateways == phase }
			closed[fmt.Sprintf("all but gateway %d of %d", phase, gateways)] = func(push int) bool { return push%gateways != phase }
		}
	}
	for from := range 60 {
		for _, pushes := range []int{1, 2, 3, 8, 50, 1 << 30} {
			closed[fmt.Sprintf("%d pushes from %d on", pushes, from)] = func(push int) bool { return push >= from && push < from+pushes }
		}
	}
	for name, closed := range closed {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{Refuse: newWords})
			push := 0
			inject := func() {
				if closed(push) {
					r.Inject(1, lokitest.Fault{Status: 400, Body: "closed"})
				}
				push++
			}
			inject()
			p := newTestPusher(t, r, backoff.Config{}, nil)
			p.cfg.OnAttempt = func(Attempt) { inject() }
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour-time.Second)
			defer cancel()
			for _, bad := range []int{0, 1} {
				lines := numbered(fmt.Sprint("good ", bad), 20)
				lines[3] = []string{lines[3], "bad"}[bad]
				refused, err := p.Deliver(ctx, batchOf(t, lines...))
				if len(refused) > bad || len(refused) > 0 && refused[0].Index != 3 {
					t.Errorf("%s: %v", name, refused)
				}
				if err == nil && len(refused) != bad {
					t.Errorf("%s: %d refused, want %d", name, len(refused), bad)
				}
			}
		})
	}
}

// A server that is not Loki, and a URL with the wrong scheme, have nothing dropped.
func TestI6_WhatIsNoLokiRefusesNothing(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it says so, too
	server.StartTLS()
	defer server.Close()
	client := newTestClient(t, Config{URL: strings.Replace(server.URL, "https", "http", 1)}, http.DefaultTransport)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	p := NewPusher(client, PusherConfig{FailOnStop: true})
	refused, err := p.Deliver(t.Context(), batchOf(t, "a", "b"))
	if len(refused) != 0 || DecisionOf(err) != Stop {
		t.Errorf("%v, %v", refused, err)
	}
}
