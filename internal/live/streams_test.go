package live

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

func TestCheckLabels(t *testing.T) {
	for _, c := range []struct {
		static map[string]string
		event  []string
		want   []string // nothing: they are available
	}{
		{map[string]string{"job": "audit"}, nil, nil},
		{map[string]string{"job": "audit"}, EventLabels(), nil},
		{map[string]string{"job": "audit"}, []string{"user"}, []string{"label user", "147,100 streams", "verb, level, stage, code_class", `| user=`}},
		{map[string]string{"job": "audit"}, []string{"resource", "namespace", "code"}, []string{"label resource", "label namespace", "label code cannot"}},
		{map[string]string{"job": "audit"}, []string{"verb", "verb"}, []string{"twice"}},
		{map[string]string{"verb": "x"}, nil, []string{"label verb: each line has its own value"}},
		{map[string]string{"stage": "x"}, []string{"stage"}, []string{"label stage"}},
		{map[string]string{"1a": "x"}, nil, []string{`"1a" is no label name`}},
		{nil, nil, []string{"0 labels"}},
	} {
		err := CheckLabels(c.static, c.event)
		if (err != nil) != (c.want != nil) {
			t.Errorf("%v, %v: %v", c.static, c.event, err)
		}
		for _, want := range c.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v, %v: %v lacks %q", c.static, c.event, err, want)
			}
		}
	}
}

// Each set of values is a stream, a label is not metadata, and a value that a
// client invents is one value.
func TestStreamsOfEvents(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) { cfg.EventLabels = EventLabels() }
	lines := []string{
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","stage":"ResponseComplete","verb":"get","responseStatus":{"code":200}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","stage":"ResponseComplete","verb":"get","responseStatus":{"code":204}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","stage":"Panic","verb":"brew","responseStatus":{"code":404}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","stage":"Panic","verb":"other","responseStatus":{"code":4040}}`,
		`no event`,
	}
	s.add("0", strings.Join(lines, "\n")+"\n")
	s.start()
	s.sync()
	s.wantLines(lines...)
	want := map[string]int{
		`{cluster="c", code_class="2xx", job="audit", level="Metadata", node="n", stage="ResponseComplete", verb="get"}`: 2,
		`{cluster="c", code_class="4xx", job="audit", level="Request", node="n", stage="Panic", verb="other"}`:           1,
		`{cluster="c", code_class="other", job="audit", level="Request", node="n", stage="Panic", verb="other"}`:         1,
		`{cluster="c", code_class="other", job="audit", level="other", node="n", stage="other", verb="other"}`:           1,
	}
	if got := s.loki.Streams(); !maps.Equal(got, want) {
		t.Errorf("streams %v", got)
	}
	for _, e := range s.loki.Entries() {
		if e.Get("verb")+e.Get("level")+e.Get("stage") != "" || strings.Contains(e.Line, `200`) && e.Get("code") != "200" {
			t.Errorf("metadata %v of %s", e.Metadata, e.Line)
		}
	}
}

// Every value that a label can have is one that Loki takes.
func TestStreamsAreFew(t *testing.T) {
	n := 1
	for _, name := range EventLabels() {
		n *= len(values[name]) + 1
		for _, value := range append(values[name], Other) {
			if _, err := lokipush.NewLabels(map[string]string{name: value}); err != nil {
				t.Error(err)
			}
		}
		if slices.Contains(values[name], Other) {
			t.Errorf("%s has %q twice", name, Other)
		}
	}
	if n > 2000 {
		t.Errorf("%d streams", n)
	}
}
