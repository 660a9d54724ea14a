package detect_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Each detection is a rule of Sigma, or named as one that Sigma cannot say; e2e/sql
// converts them by sigma-cli and compares what they find.
func TestSigma(t *testing.T) {
	s := source(t)
	text, err := s.Sigma(nil)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(text, "---\n")
	rules := make(map[string]map[string]any)
	ids := make(map[any]bool)
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var rule map[string]any
		if err := d.Decode(&rule); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name, _ := rule["name"].(string)
		if rules[name] = rule; ids[rule["id"]] || len(rule["id"].(string)) != 36 {
			t.Errorf("%s: id %v is not one of its own", name, rule["id"])
		}
		ids[rule["id"]] = true
	}
	for _, d := range s.All() {
		if strings.Contains(head, d.Alert+",") || strings.Contains(head, d.Alert+".") {
			continue
		}
		rule := rules[d.Alert]
		if rule == nil {
			t.Errorf("%s is not there", d.Alert)
			continue
		}
		detection, _ := rule["detection"].(map[string]any)
		condition, _ := detection["condition"].(string)
		for name := range detection {
			if name != "condition" && !strings.Contains(condition, name) {
				t.Errorf("%s: %s is in no condition", d.Alert, name)
			}
		}
	}
}
