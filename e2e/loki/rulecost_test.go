package loki

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

// vector is the answer to an instant query, with its cost.
type vector struct {
	Data struct {
		Result []struct{ Metric map[string]string }
		Stats  struct {
			Summary struct {
				TotalLinesProcessed int64
			}
		}
	}
}

func (v vector) clusters() (all []string) {
	for _, r := range v.Data.Result {
		if c := r.Metric["cluster"]; !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

func instant(t *testing.T, server *lokiserver.Server, query string, at time.Time) vector {
	t.Helper()
	values := url.Values{"query": {query}, "time": {strconv.FormatInt(at.UnixNano(), 10)}}
	body, err := server.Get(t.Context(), "/loki/api/v1/query?"+values.Encode())
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRules asks Loki the expression of each rule once, over all cases, and compares
// with the evaluator: without the ruler, which repeats all of them, so that the result
// does not depend on the machine. Then it asks over an ordinary day that is as dense as an
// hour, and prints the cost of one round of evaluations (processor time, so that the
// load of the machine does not matter).
func TestRules(t *testing.T) {
	rules, source := readRules(t), readSource(t)
	cases := allCases(t, source)
	server := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	begin := time.Now()
	pushCases(t, server, cases)
	got := make(map[string][]string)         // alerts by case
	later := time.Now().Add(2 * time.Minute) // some cases take minutes from their beginning
	since := fmt.Sprintf("[%ds]", int(later.Sub(begin).Seconds())+300)
	for _, r := range rules.all() {
		for _, cluster := range instant(t, server, strings.ReplaceAll(r.Expr, "[5m]", since), later).clusters() {
			got[cluster] = append(got[cluster], r.Alert)
		}
	}
	for _, c := range cases {
		if c.want = slices.DeleteFunc(c.want, func(name string) bool { return name == "AuditSilent" }); len(c.want) == 0 {
			c.want = nil
		}
		fired := slices.DeleteFunc(got[c.name], func(name string) bool { return name == "AuditSilent" })
		if slices.Sort(fired); !slices.Equal(fired, c.want) {
			t.Errorf("%s fires %q, the evaluator says %q", c.name, fired, c.want)
		}
	}
	summary.add("rules:", "%d asked once over %d cases, as the evaluator says", len(rules.all()), len(cases))
	ruleCost(t, server, rules)
}

// ruleCost prints the cost of the rules over the lines of an ordinary day, in one hour.
func ruleCost(t *testing.T, server *lokiserver.Server, rules ruleFile) {
	now := time.Now()
	lines, err := detecttest.Day(1, now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	stream := newStream(t, server.URL, "day")
	const stamp = "2006-01-02T15:04:05.000000Z"
	for i, line := range lines {
		e, err := detecttest.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		at := now.Add(-time.Hour + time.Duration(i)*time.Hour/time.Duration(len(lines)))
		stream.add([]byte(strings.ReplaceAll(string(line), e.StageTimestamp.UTC().Format(stamp), at.UTC().Format(stamp))))
	}
	stream.flush()
	type cost struct {
		alert string
		cpu   float64
	}
	var all []cost
	for _, g := range rules.Groups {
		var round float64
		var read int64
		for _, r := range g.Rules {
			begin := cpuSeconds(t, server)
			v := instant(t, server, r.Expr, now)
			took := cpuSeconds(t, server) - begin
			all, round, read = append(all, cost{r.Alert, took}), round+took, read+v.Data.Stats.Summary.TotalLinesProcessed
		}
		summary.add("  "+g.Name+":", "%d rules, %.2f CPU s every %s, %d lines read", len(g.Rules), round, g.Interval, read)
	}
	slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(b.cpu, a.cpu) })
	for _, c := range all[:3] {
		summary.add("  dearest:", "%s, %.2f CPU s", c.alert, c.cpu)
	}
}

// cpuSeconds is the CPU time that Loki has used, which the load of the machine does not change.
func cpuSeconds(t *testing.T, server *lokiserver.Server) float64 {
	t.Helper()
	body, err := server.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "\nprocess_cpu_seconds_total ")
	text, _, _ := strings.Cut(rest, "\n")
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("CPU time of Loki: %v", err)
	}
	return seconds
}
