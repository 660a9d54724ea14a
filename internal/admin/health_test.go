package admin

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A loop that gave no sign of life for too long is a reason to restart; one
// that fails, or has ended, or waits for a sink, is not.
func TestLivez(t *testing.T) {
	r := newFixture()
	hold, archive := r.Loop("hold"), r.Loop("archive")
	expect := func(when string, wantCode int, wantText string) {
		t.Helper()
		if code, body := ask(r.livez, "/livez"); code != wantCode || body != wantText+"\n" {
			t.Errorf("%s: %d %q, want %d %q", when, code, body, wantCode, wantText)
		}
	}
	expect("at the start", http.StatusOK, "ok")
	r.pass(stall)
	expect("just in time", http.StatusOK, "ok")
	r.pass(time.Second)
	expect("no loop ever turned", http.StatusInternalServerError, "no sign of life for 15m0s: hold, archive")
	hold.Observe(nil)
	archive.Observe(errors.New("no connection"))
	expect("a loop fails", http.StatusOK, "ok")
	r.pass(stall)
	hold.Observe(nil)
	expect("just in time again", http.StatusOK, "ok")
	r.pass(1)
	expect("one loop hangs", http.StatusInternalServerError, "no sign of life for 15m0s: archive")
	archive.Observe(nil)
	hold.Observe(nil)
	r.pass(24 * time.Hour)
	archive.Observe(nil)
	expect("a day later", http.StatusInternalServerError, "no sign of life for 15m0s: hold")
	if code, body := ask(r.readyz, "/readyz"); code != http.StatusServiceUnavailable || body != "[+] log: working\n[-] hold: hung\n[+] archive: working\nbad: The loop hold gives no sign of life\n" {
		t.Errorf("a day later: %d %q", code, body)
	}
	hold.Observe(nil)
	expect("it turns again", http.StatusOK, "ok")
}

// A pass over a long backlog, or one large object over a slow line, is no stall
// as long as it moves; and it is no end of a failure.
func TestALongPassIsAlive(t *testing.T) {
	r := newFixture()
	archive := r.Loop("archive")
	for range 5 {
		r.pass(stall)
		archive.Alive()
	}
	if code, body := ask(r.livez, "/livez"); code != http.StatusOK {
		t.Errorf("while the first pass moves: %d %q", code, body)
	}
	if code, body := ask(r.readyz, "/readyz"); code != http.StatusServiceUnavailable || body != "[+] log: working\n[-] archive: starting\n" {
		t.Errorf("while the first pass moves: %d %q", code, body)
	}
	archive.Observe(errors.New("no connection"))
	archive.Alive()
	if code, _ := ask(r.readyz, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("a sign of life hides a failure: %d", code)
	}
	r.pass(stall + 1)
	if code, _ := ask(r.livez, "/livez"); code != http.StatusInternalServerError {
		t.Errorf("it moves no more: %d", code)
	}
}

func TestReadyz(t *testing.T) {
	r := newFixture()
	hold, archive := r.Loop("hold"), r.Loop("archive")
	expect := func(when string, wantCode int, want ...string) {
		t.Helper()
		text := strings.Join(want, "\n") + "\n"
		if code, body := ask(r.readyz, "/readyz?verbose"); code != wantCode || body != text {
			t.Errorf("%s: %d %q, want %d %q", when, code, body, wantCode, text)
		}
		if wantCode == http.StatusOK {
			text = "ok\n"
		}
		if code, body := ask(r.readyz, "/readyz"); code != wantCode || body != text {
			t.Errorf("%s, not verbose: %d %q, want %d %q", when, code, body, wantCode, text)
		}
	}
	expect("at the start", http.StatusServiceUnavailable, "[+] log: working", "[-] hold: starting", "[-] archive: starting")
	hold.Observe(nil)
	expect("one loop runs", http.StatusServiceUnavailable, "[+] log: working", "[+] hold: working", "[-] archive: starting")
	archive.Observe(errors.Join(errors.New("no credentials"), errors.New("set AWS_PROFILE")))
	r.pass(90 * time.Second)
	archive.Observe(errors.New("no connection\nat all"))
	expect("one loop fails", http.StatusServiceUnavailable, "[+] log: working", "[+] hold: working", "[-] archive: failing: no connection; at all (for 1m30s)",
		"warn: Archive has not been reached since the start: no connection; at all")
	archive.Observe(nil)
	expect("all is well", http.StatusOK, "[+] log: working", "[+] hold: working", "[+] archive: working")
}

// An alert on a counter works from the first scrape on, and counts failures.
func TestMetricsExistBeforeTheirFirstUse(t *testing.T) {
	r := newFixture()
	hold, archive := r.Loop("hold"), r.Loop("archive")
	expect := func(want map[string]float64) {
		t.Helper()
		got := counters(t, r.registry, "auditsidecar_loop_failures_total", "loop")
		if len(got) != len(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		for loop, n := range want {
			if v, ok := got[loop]; !ok || v != n {
				t.Errorf("%s: %v (there: %v), want %v", loop, v, ok, n)
			}
		}
	}
	expect(map[string]float64{"hold": 0, "archive": 0})
	hold.Observe(nil)
	archive.Observe(errors.New("a"))
	archive.Observe(errors.New("a"))
	archive.Observe(nil)
	expect(map[string]float64{"hold": 0, "archive": 2})
}

// counters reads a counter by the values of its label.
func counters(t *testing.T, g prometheus.Gatherer, name, label string) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			values[labelOf(m, label)] = m.GetCounter().GetValue()
		}
	}
	return values
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
