package loki

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// ruleFile is rules.yaml; fields that are not here are kept.
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
	Keep        string            `yaml:"keep_firing_for,omitempty"`
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

// hurried returns the rules as they are, evaluated every few seconds, without a
// wait and looking back further.
func (f ruleFile) hurried(t *testing.T) []byte {
	t.Helper()
	fast := ruleFile{Groups: slices.Clone(f.Groups)}
	for i := range fast.Groups {
		g := &fast.Groups[i]
		g.Interval, g.Rules = "5s", slices.Clone(g.Rules)
		for j := range g.Rules {
			g.Rules[j].For = ""
			// The machine may need minutes to push all cases; each has its events at once.
			g.Rules[j].Expr = strings.ReplaceAll(g.Rules[j].Expr, "[5m]", "[30m]")
		}
	}
	content, err := yaml.Marshal(fast)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestAlerts runs the shipped rules in Loki's own ruler, on events that must fire
// them, on events that must not, and on the table of attacks and ordinary events. The
// firing ones must be those of the evaluator of internal/detect: it judges ordinary days
// in the unit tests.
func TestAlerts(t *testing.T) {
	rules, source, am := readRules(t), readSource(t), newAlertmanager(t)
	cases := allCases(t, source)
	checkRules(t, rules, source)
	server := lokiserver.Start(t, lokiserver.Config{
		File: "manifests/loki/loki.yaml", Rules: rules.hurried(t), Args: []string{"-ruler.alertmanager-url=" + am.server.URL},
	})
	pushCases(t, server, cases)
	health := waitFired(t, server, am, cases)
	fired, quiet := 0, 0
	byAlert := make(map[string]int)
	for _, c := range cases {
		got := slices.DeleteFunc(am.of(c.name), func(name string) bool {
			// Every case falls silent ten minutes after it was pushed.
			return name == "AuditSilent" && !slices.Contains(c.want, name)
		})
		slices.Sort(got)
		for _, name := range got {
			byAlert[name]++
		}
		switch {
		case !slices.Equal(got, c.want):
			t.Errorf("%s fired %q, the evaluator says %q", c.name, got, c.want)
		case len(got) > 0:
			fired++
		default:
			quiet++
		}
	}
	var table strings.Builder
	for _, d := range source.All() {
		if d.SQL == "" {
			fmt.Fprintf(&table, "%-32s %5d %5d\n", d.Alert, byAlert[d.Alert], len(cases)-byAlert[d.Alert])
		}
	}
	t.Logf("\n%-32s %5s %5s\n%s", "detection, cases", "fired", "quiet", table.String())
	for _, text := range am.bad {
		t.Error(text)
	}
	summary.add("alerts:", "%d loaded with health ok; of %d cases %d fire what the evaluator says, %d are quiet as it says", health, len(cases), fired, quiet)
}

// TestQueries asks the queries of the dashboards and of the documentation of the same
// log, in a Loki that has no rules to evaluate every few seconds.
func TestQueries(t *testing.T) {
	server := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	pushCases(t, server, allCases(t, readSource(t)))
	pushCorpus(t, server)
	t.Run("dashboards", func(t *testing.T) { checkDashboards(t, server) })
	t.Run("cookbook", func(t *testing.T) { checkCookbook(t, server) })
}

func pushCases(t *testing.T, server *lokiserver.Server, cases []oneCase) {
	t.Helper()
	for _, c := range cases {
		stream := newStream(t, server.URL, c.name)
		for _, line := range c.lines {
			stream.add(line)
		}
		stream.flush()
	}
}

func readSource(t *testing.T) detect.Source {
	t.Helper()
	dir, err := manifests.Detections()
	if err != nil {
		t.Fatal(err)
	}
	source, err := detect.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// oneCase is the log of one cluster with the alerts that must fire over it.
type oneCase struct {
	name  string
	lines [][]byte
	want  []string
}

// allCases are the events of the detections, the scenarios, and the table.
func allCases(t *testing.T, source detect.Source) (all []oneCase) {
	t.Helper()
	now := time.Now()
	add := func(name, must string, lines [][]byte) {
		inLoki := make([][]byte, len(lines))
		for i := range lines {
			inLoki[i] = shrink.Line(bytes.Clone(lines[i]), lokiLimit, nil)
		}
		c := oneCase{name: name, lines: lines, want: detecttest.Fired(source, inLoki)}
		if must == "AuditSilent" {
			c.want = []string{must}
		}
		if must != "" && !slices.Contains(c.want, must) {
			t.Errorf("%s does not fire %s by the evaluator", name, must)
		}
		all = append(all, c)
	}
	logs, err := detecttest.Logs(source, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		add(l.Name, l.Must, l.Lines)
	}
	s := readScenarios(t)
	for name, scenario := range s.Alerts {
		for i, e := range scenario.Fires {
			add(fmt.Sprintf("scenario-%s-%d", name, i), name, e.make(t, s))
		}
		var near [][]byte
		for _, e := range scenario.Quiet {
			near = append(near, e.make(t, s)...)
		}
		add("near-"+name, "", near)
		if slices.Contains(all[len(all)-1].want, name) {
			t.Errorf("%s fires by the evaluator on events that are only near to it", name)
		}
	}
	return all
}

// checkRules checks the required parts of a rule, and that it is made from the source.
func checkRules(t *testing.T, rules ruleFile, source detect.Source) {
	t.Helper()
	for _, r := range rules.all() {
		if source.Find(r.Alert) == nil {
			t.Errorf("%s has no source", r.Alert)
		}
		if !slices.Contains([]string{"info", "warning", "critical"}, r.Labels["severity"]) || !strings.HasPrefix(r.Labels["mitre_attack"], "T") {
			t.Errorf("%s: labels %v", r.Alert, r.Labels)
		}
		if !strings.Contains(r.Expr, " by (cluster") {
			t.Errorf("%s does not aggregate by cluster: %s", r.Alert, r.Expr)
		}
	}
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

// waitFired waits until each case has fired, or no more is to come, and
// returns how many rules the ruler says are ok.
func waitFired(t *testing.T, server *lokiserver.Server, am *alertmanager, cases []oneCase) int {
	t.Helper()
	deadline := time.Now().Add(catchUp)
	for time.Now().Before(deadline) {
		if !slices.ContainsFunc(cases, func(c oneCase) bool { return len(am.of(c.name)) < len(c.want) }) {
			break
		}
		time.Sleep(time.Second)
	}
	time.Sleep(6 * time.Second) // alerts that should not fire have had their chance
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

// The evaluator agrees with each case, before any server is asked.
func TestCasesByTheEvaluator(t *testing.T) {
	if n := len(allCases(t, readSource(t))); n < 300 {
		t.Errorf("only %d cases", n)
	}
}

// The alerts of an ordinary day, by the evaluator; internal/detect bounds it.
func TestNoise(t *testing.T) {
	source := readSource(t)
	lines, err := detecttest.Day(1, time.Now(), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var events []detecttest.Logged
	for _, line := range lines {
		e, err := detecttest.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	summary.add("an ordinary day:", "%d events that a detection could look at", len(events))
	for _, d := range source.All() {
		if n := detecttest.Activations(d, events, nil); n > 0 {
			summary.add("  "+d.Alert+":", "%d activations a day, %s", n, d.Severity)
		}
	}
}
