package loki

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// ruleFile is rules.yaml; what is not here is kept as it is.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readRules(t *testing.T) ruleFile {
	t.Helper()
	file, err := os.Open(filepath.Join(builds.Repository(t), "manifests", "loki", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rules ruleFile
	d := yaml.NewDecoder(file)
	d.KnownFields(true)
	if err := d.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func (f ruleFile) all() (rules []rule) {
	for _, g := range f.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// hurried returns the rules as they are, evaluated every other second and
// without a wait.
func (f ruleFile) hurried(t *testing.T) []byte {
	t.Helper()
	fast := ruleFile{Groups: slices.Clone(f.Groups)}
	for i := range fast.Groups {
		g := &fast.Groups[i]
		g.Interval, g.Rules = "2s", slices.Clone(g.Rules)
		for j := range g.Rules {
			g.Rules[j].For = ""
		}
	}
	content, err := yaml.Marshal(fast)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestAlerts runs the shipped rules in Loki's own ruler, on events that must
// fire them, on events that must not, and on an hour of ordinary traffic. The
// dashboards and the queries of the documentation are asked of the same log.
func TestAlerts(t *testing.T) {
	rules, s, am := readRules(t), readScenarios(t), newAlertmanager(t)
	checkRules(t, rules, s)
	server := lokiserver.Start(t, lokiserver.Config{
		File: "manifests/loki/loki.yaml", Rules: rules.hurried(t), Args: []string{"-ruler.alertmanager-url=" + am.server.URL},
	})
	for name, scenario := range s.Alerts {
		for i := range scenario.Fires {
			pushEvents(t, server, firing(name, i), s, scenario.Fires[i:i+1])
		}
		pushEvents(t, server, "near-"+name, s, scenario.Quiet)
	}
	ordinary := pushHour(t, server)
	pushCorpus(t, server)
	health := waitFired(t, server, am, s)
	fired, quiet := 0, 0
	for name, scenario := range s.Alerts {
		for i, e := range scenario.Fires {
			want, got := slices.Concat([]string{name}, scenario.Also, e.Also), am.of(firing(name, i))
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("event %d for %s fired %q, want %q", i, name, got, want)
			} else {
				fired++
			}
		}
		if slices.Contains(am.of("near-"+name), name) {
			t.Errorf("%s fired on events that are only near to it", name)
		} else {
			quiet++
		}
	}
	if got := am.of("ordinary"); len(got) > 0 {
		t.Errorf("ordinary traffic fired %q", got)
	}
	for _, text := range am.bad {
		t.Error(text)
	}
	hourIsQuiet(t, server, rules)
	t.Run("dashboards", func(t *testing.T) { checkDashboards(t, server) })
	t.Run("cookbook", func(t *testing.T) { checkCookbook(t, server) })
	summary.add("alerts:", "%d loaded with health ok, fired by %d events that must, %d quiet on near ones", health, fired, quiet)
	summary.add("an hour of ordinary traffic:", "%d lines, 0 alerts", ordinary)
}

// firing is the cluster of one event that must fire an alert.
func firing(alert string, i int) string { return fmt.Sprintf("fire-%s-%d", alert, i) }

// checkRules looks at what a rule must have, and that each has a scenario.
func checkRules(t *testing.T, rules ruleFile, s scenarios) {
	t.Helper()
	if n := len(rules.all()); n < 25 || n != len(s.Alerts) {
		t.Errorf("%d rules, %d scenarios", n, len(s.Alerts))
	}
	for name, scenario := range s.Alerts {
		if len(scenario.Fires) == 0 {
			t.Errorf("no event fires %s", name)
		}
	}
	for _, r := range rules.all() {
		if _, ok := s.Alerts[r.Alert]; !ok {
			t.Errorf("%s has no scenario", r.Alert)
		}
		if !slices.Contains([]string{"info", "warning", "critical"}, r.Labels["severity"]) || !strings.HasPrefix(r.Labels["mitre_attack"], "T") {
			t.Errorf("%s: labels %v", r.Alert, r.Labels)
		}
		if !strings.Contains(r.Expr, " by (cluster") || strings.Contains(r.Expr, "| json") {
			t.Errorf("%s does not aggregate by cluster, or parses lines: %s", r.Alert, r.Expr)
		}
	}
}

func pushEvents(t *testing.T, server *lokiserver.Server, cluster string, s scenarios, events []event) {
	t.Helper()
	if len(events) == 0 {
		t.Errorf("%s has no events", cluster)
	}
	stream := newStream(t, server.URL, cluster)
	for _, e := range events {
		for _, line := range e.make(t, s) {
			stream.add(line)
		}
	}
	stream.flush()
}

// pushCorpus pushes the diverse log, for the queries.
func pushCorpus(t *testing.T, server *lokiserver.Server) {
	t.Helper()
	stream := newStream(t, server.URL, "diverse")
	for line := range audittest.Lines(audittest.Shift(audittest.Corpus(t, "diverse.log"), time.Now())) {
		stream.add(line)
	}
	stream.add(longLine())
	stream.flush()
}

// pushHour spreads the ordinary lines of a real log over the last hour.
func pushHour(t *testing.T, server *lokiserver.Server) int {
	t.Helper()
	var lines [][]byte
	denied := make(map[string]int)
	for line := range audittest.Lines(audittest.Corpus(t, "rotated.log")) {
		if isOrdinary(line, denied) {
			lines = append(lines, line)
		}
	}
	stream := newStream(t, server.URL, "ordinary")
	// The newest line first: the ruler is at work, and an hour of which only the
	// beginning has arrived is a log that has fallen silent.
	const hour = 59 * time.Minute // Loki takes what is less than an hour behind
	now := time.Now()
	stream.add(audittest.Shift(lines[len(lines)-1], now))
	stream.flush()
	for i, line := range lines[:len(lines)-1] {
		stream.add(audittest.Shift(line, now.Add(hour*time.Duration(i)/time.Duration(len(lines))-hour)))
	}
	stream.flush()
	if len(lines) < 2000 {
		t.Errorf("only %d lines of the corpus are ordinary", len(lines))
	}
	return len(lines)
}

var (
	serverSetID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	unusual     = regexp.MustCompile(`"impersonatedUser":|"privileged":true|"host(Network|PID|IPC)":true`)
)

// isOrdinary says whether a line is what a cluster does all day. The corpus was
// made by test programs that also did what an intruder does: identities
// without any rights that try everything, changes of RBAC, impersonation,
// tokens and secrets in the hands of people. Ordinary is the control plane,
// the nodes, and the people and service accounts that read and write
// workloads; a few refusals each are ordinary, too.
func isOrdinary(line []byte, denied map[string]int) bool {
	var f lokipush.Fields
	if !readFields(line, &f) {
		return false
	}
	if !serverSetID.Match(f.AuditID) || unusual.Match(line) {
		return false
	}
	user, code := string(f.User), string(f.Code)
	if code == "401" || code == "403" {
		denied[user]++
		return denied[user] <= 5
	}
	switch {
	case strings.HasPrefix(user, "system:node:"), user == "system:apiserver", user == "system:kube-scheduler", user == "system:kube-controller-manager":
		return true
	case string(f.Namespace) == "kube-system" && string(f.Verb) != "get":
		return false
	case string(f.Subresource) != "" && string(f.Subresource) != "log" && string(f.Subresource) != "scale" && string(f.Subresource) != "status":
		return false
	}
	return slices.Contains([]string{"", "configmaps", "pods", "deployments", "statefulsets", "services", "serviceaccounts", "namespaces", "nodes", "events", "jobs", "widgets"}, string(f.Resource))
}

// waitFired waits until each scenario has fired, or no more is to come, and
// returns how many rules the ruler says are ok.
func waitFired(t *testing.T, server *lokiserver.Server, am *alertmanager, s scenarios) int {
	t.Helper()
	deadline := time.Now().Add(catchUp)
	for time.Now().Before(deadline) {
		all := true
		for name, scenario := range s.Alerts {
			for i := range scenario.Fires {
				all = all && slices.Contains(am.of(firing(name, i)), name)
			}
		}
		if all {
			break
		}
		time.Sleep(time.Second)
	}
	time.Sleep(6 * time.Second) // what should not fire has had its chance
	return rulerHealth(t, server)
}

func rulerHealth(t *testing.T, server *lokiserver.Server) (ok int) {
	t.Helper()
	body, err := server.Get(t.Context(), "/prometheus/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				t.Errorf("the ruler says of %s: %s %s", r.Name, r.Health, r.LastError)
				continue
			}
			ok++
		}
	}
	return ok
}

// hourIsQuiet asks for each rule over the whole hour of ordinary traffic.
func hourIsQuiet(t *testing.T, server *lokiserver.Server, rules ruleFile) {
	t.Helper()
	for _, r := range rules.all() {
		query := strings.ReplaceAll(r.Expr, `{job="audit"}`, `{job="audit", cluster="ordinary"}`)
		if query == r.Expr {
			t.Errorf(`%s does not select {job="audit"}`, r.Alert)
		}
		result, err := server.Range(t.Context(), query, time.Now().Add(-time.Hour), time.Now(), 30*time.Second)
		if err != nil || result.Series > 0 {
			t.Errorf("%s over the hour: %d series, %v", r.Alert, result.Series, err)
		}
	}
}
