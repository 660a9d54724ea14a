package detect_test

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

// The noise budget: the alerts that an ordinary day may fire.
func TestNoise(t *testing.T) {
	s := source(t)
	text, err := detecttest.ExampleAllow(noon)
	if err != nil {
		t.Fatal(err)
	}
	allow, err := detect.ParseAllow("allow.yaml", text, s, noon)
	if err != nil {
		t.Fatal(err)
	}
	seeds, length := uint64(2), 24*time.Hour
	if testing.Short() {
		seeds, length = 1, time.Hour // the beginning of a day must keep to the budget of a day
	}
	for seed := range seeds {
		lines, err := detecttest.Day(seed, noon, length)
		if err != nil {
			t.Fatal(err)
		}
		events := parse(t, lines)
		t.Logf("day %d: %d events that a detection could look at", seed, len(events))
		for _, budget := range []struct {
			name     string
			allow    detect.Allow
			warnings int
		}{{"without an allow list", nil, 20}, {"with the example list", allow, 5}} {
			n := make(map[string]int)
			for _, d := range s.All() {
				if a := detecttest.Activations(d, events, budget.allow); a > 0 {
					t.Logf("%-28s %-8s %3d a day, %s", d.Alert, d.Severity, a, budget.name)
					n[d.Severity] += a
				}
			}
			t.Logf("%s: %d critical, %d warnings, %d info", budget.name, n["critical"], n["warning"], n["info"])
			if n["critical"] > 0 || n["warning"] > budget.warnings {
				t.Errorf("%s: above 0 critical or %d warnings", budget.name, budget.warnings)
			}
		}
	}
}
