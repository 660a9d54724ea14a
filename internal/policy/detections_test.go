package policy

import (
	"os"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The table of detections is that of the shipped alert rules.
func TestDetectionsAreTheShippedAlerts(t *testing.T) {
	data, err := os.ReadFile("../../manifests/loki/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				want = append(want, r.Alert)
			}
		}
	}
	for _, d := range Detections() {
		got = append(got, d.Name)
		if len(d.Needs) == 0 {
			t.Errorf("%s needs nothing", d.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(got) < 25 || !slices.Equal(got, want) {
		t.Errorf("detections\n%q\nalerts\n%q", got, want)
	}
}
