package detect_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// noon is when events happen if the test does not say.
var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// read reads the detections once: it compiles over a thousand patterns.
var read = sync.OnceValues(func() (detect.Source, error) {
	dir, err := manifests.Detections()
	if err != nil {
		return detect.Source{}, err
	}
	return detect.Read(dir)
})

func source(tb testing.TB) detect.Source {
	tb.Helper()
	s, err := read()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func parse(tb testing.TB, lines [][]byte) (events []detecttest.Logged) {
	tb.Helper()
	for _, l := range lines {
		e, err := detecttest.Parse(l)
		if err != nil {
			tb.Fatalf("%v: %s", err, l)
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b detecttest.Logged) int { return a.StageTimestamp.Compare(b.StageTimestamp) })
	return events
}

// fired lists the detections that fire over events.
func fired(s detect.Source, events []detecttest.Logged, allow detect.Allow) (names []string) {
	for _, d := range s.All() {
		if detecttest.Activations(d, events, allow) > 0 {
			names = append(names, d.Alert)
		}
	}
	return names
}

func eventsOf(tb testing.TB, nodes []yaml.Node) (all [][]detecttest.Logged) {
	tb.Helper()
	specs, err := detecttest.Read(nodes)
	if err != nil {
		tb.Fatal(err)
	}
	for _, spec := range specs {
		lines, err := spec.Lines(noon)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, parse(tb, lines))
	}
	return all
}

// Each event that a detection says fires it does, and no other does.
func TestEventsOfEachDetection(t *testing.T) {
	s := source(t)
	if n := len(s.All()); n < 60 {
		t.Errorf("only %d detections", n)
	}
	for _, d := range s.All() {
		if len(d.When) == 0 {
			continue // Loki or SQL alone
		}
		t.Run(d.Alert, func(t *testing.T) {
			if len(d.Quiet) == 0 {
				t.Error("no quiet event")
			}
			for i, events := range eventsOf(t, d.Fires) {
				if detecttest.Activations(d, events, nil) != 1 {
					t.Errorf("event %d of fires does not fire, or more than once", i)
				}
			}
			for i, events := range eventsOf(t, d.Quiet) {
				if detecttest.Activations(d, events, nil) != 0 {
					t.Errorf("event %d of quiet fires", i)
				}
			}
		})
	}
}

var summaryLabel = regexp.MustCompile(`\$labels\.(\w+)`)

// A summary names only labels that the alert has, and its runbook is a sentence.
func TestSummaries(t *testing.T) {
	for _, d := range source(t).All() {
		for _, m := range summaryLabel.FindAllStringSubmatch(d.Summary, -1) {
			if !slices.Contains(append(d.By, "cluster", "node"), m[1]) {
				t.Errorf("%s: the summary has the label %s, by has not", d.Alert, m[1])
			}
		}
		if !strings.HasSuffix(d.Runbook, ".") && !strings.HasSuffix(d.Runbook, "?") {
			t.Errorf("%s: runbook %q", d.Alert, d.Runbook)
		}
	}
}

// fieldCase is a file of testdata/field: the events that a detection must and must not fire on,
// as lines of kube-apiserver.
type fieldCase struct {
	MustFire []struct {
		Case  string
		Times int
		Lines []json.RawMessage
	} `json:"must_fire"`
	MustStayQuiet []struct{ Lines []json.RawMessage } `json:"must_stay_quiet"`
}

func TestFieldCases(t *testing.T) {
	s := source(t)
	files, err := filepath.Glob("testdata/field/*.json")
	if err != nil || len(files) < 18 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c fieldCase
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.MustFire {
				names := fired(s, parse(t, repeat(f.Lines, max(f.Times, 1))), nil)
				if len(names) == 0 {
					t.Errorf("%s: nothing fires", f.Case)
				}
				t.Log(f.Case, names)
			}
			for _, q := range c.MustStayQuiet {
				// A person who adds a subject to a binding of no power changes RBAC: the
				// classic alert says so, the one about cluster-admin does not.
				quiet := func(names []string) []string {
					return slices.DeleteFunc(names, func(n string) bool {
						return n == "AuditRBACChanged" && strings.HasPrefix(filepath.Base(file), "17-")
					})
				}
				for i, l := range q.Lines {
					if names := quiet(fired(s, parse(t, [][]byte{l}), nil)); len(names) > 0 {
						t.Errorf("quiet line %d fires %q: %s", i, names, l)
					}
				}
				if names := quiet(fired(s, parse(t, repeat(q.Lines, 1)), nil)); len(names) > 0 {
					t.Errorf("the quiet lines together fire %q", names)
				}
			}
		})
	}
}

func repeat(lines []json.RawMessage, times int) (all [][]byte) {
	for i := range times {
		for _, l := range lines {
			all = append(all, []byte(strings.ReplaceAll(string(l), "{i}", string(rune('a'+i)))))
		}
	}
	return all
}
