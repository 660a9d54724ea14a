package lokipush

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// Loki's default limits for the labels of a stream. It refuses the whole push when one is passed.
const (
	maxLabels        = 15
	maxLabelNameLen  = 1024
	maxLabelValueLen = 2048
)

// Labels are the labels of one stream, checked. The zero Labels are empty: Loki refuses them.
type Labels struct{ text string }

// NewLabels checks labels by Loki's default limits, sorts them by name and quotes them as LogQL
// reads them: {cluster="c", job="audit", node="n"}. The error says which one Loki would refuse, and
// why.
func NewLabels(labels map[string]string) (Labels, error) {
	if len(labels) == 0 || len(labels) > maxLabels {
		return Labels{}, fmt.Errorf("format stream labels: %d labels, Loki takes 1 to %d", len(labels), maxLabels)
	}
	var text strings.Builder
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		value := labels[name]
		if err := checkLabel(name, value); err != nil {
			return Labels{}, err
		}
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(name + "=" + strconv.Quote(value))
	}
	return Labels{"{" + text.String() + "}"}, nil
}

func checkLabel(name, value string) error {
	switch {
	case !isLabelName(name):
		return fmt.Errorf("format stream labels: %q is no label name: letters, digits and _ only, not starting with a digit or %s", name, model.ReservedLabelPrefix)
	case value == "":
		return fmt.Errorf("format stream labels: label %s is empty: Loki drops empty labels, leave it out", name)
	case len(value) > maxLabelValueLen:
		return fmt.Errorf("format stream labels: label %s has %d bytes, Loki takes %d", name, len(value), maxLabelValueLen)
	case !utf8.ValidString(value):
		return fmt.Errorf("format stream labels: label %s is not valid UTF-8", name)
	}
	return nil
}

func isLabelName(name string) bool {
	return len(name) <= maxLabelNameLen && model.LegacyValidation.IsValidLabelName(name) && !strings.HasPrefix(name, model.ReservedLabelPrefix)
}
