package lokipush

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

func TestFormatLabels(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		`{cluster="c", job="audit", node="n"}`: {"node": "n", "job": "audit", "cluster": "c"},
		`{a="quote\" back\\ line\n"}`:          {"a": "quote\" back\\ line\n"},
		`{A1_="ü"}`:                            {"A1_": "ü"},
	} {
		stream, err := NewLabels(labels)
		got := stream.text
		if err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		if read, err := lokitest.ParseLabels(got); err != nil || !maps.Equal(read, labels) {
			t.Errorf("%s reads as %v, %v", got, read, err)
		}
	}
}

func TestFormatLabelsRefuses(t *testing.T) {
	many := map[string]string{}
	for i := range 16 {
		many["l"+strconv.Itoa(i)] = "v"
	}
	for problem, labels := range map[string]map[string]string{
		"0 labels":        {},
		"16 labels":       many,
		"no label name":   {"1a": "x"},
		`"a-b" is no`:     {"a-b": "x"},
		`"" is no`:        {"": "x"},
		`"__x__" is no`:   {"__x__": "x"},
		"a is empty":      {"a": ""},
		"a has 2049":      {"a": strings.Repeat("x", 2049)},
		"not valid UTF-8": {"a": "\xff"},
		`"ä" is no label`: {"ä": "x"},
		`"a\x00" is no`:   {"a\x00": "x"},
	} {
		if _, err := NewLabels(labels); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: got %v", problem, err)
		}
	}
}
