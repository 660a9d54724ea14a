package detect_test

import (
	"slices"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

// table runs the cases of a set and returns the alerts of each.
func table(t *testing.T, s detect.Source, set int, read func(int) ([]detecttest.Case, error)) (cases []detecttest.Case, names [][]string) {
	t.Helper()
	cases, err := read(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		lines, err := c.Lines(noon)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fired(s, parse(t, lines), nil))
	}
	return cases, names
}

// At least nine of ten attacks of each set are caught; the others are logged.
func TestAttacks(t *testing.T) {
	s := source(t)
	for set := 1; set <= detecttest.Sets; set++ {
		cases, names := table(t, s, set, detecttest.Attacks)
		caught := 0
		for i, c := range cases {
			if len(names[i]) > 0 {
				caught++
				continue
			}
			t.Logf("not caught: %s", c.From)
		}
		t.Logf("set %d: caught %d of %d", set, caught, len(cases))
		if len(cases) < 50 || caught*10 < len(cases)*9 {
			t.Errorf("set %d: %d of %d attacks are caught, fewer than nine of ten", set, caught, len(cases))
		}
	}
}

// At most one in ten ordinary events of each set fires, and none is critical.
func TestOrdinary(t *testing.T) {
	s := source(t)
	for set := 1; set <= detecttest.Sets; set++ {
		cases, names := table(t, s, set, detecttest.Ordinary)
		loud := 0
		for i, c := range cases {
			if len(names[i]) == 0 {
				continue
			}
			loud++
			t.Logf("%s fires %q", c.From, names[i])
			if slices.ContainsFunc(names[i], func(n string) bool { return s.Find(n).Severity == "critical" }) {
				t.Errorf("%s is critical: %q", c.From, names[i])
			}
		}
		t.Logf("set %d: fire %d of %d", set, loud, len(cases))
		if len(cases) < 40 || loud*10 > len(cases) {
			t.Errorf("set %d: %d of %d ordinary cases fire, more than one in ten", set, loud, len(cases))
		}
	}
}
