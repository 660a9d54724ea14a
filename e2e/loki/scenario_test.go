package loki

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// scenarios is testdata/scenarios.yaml.
type scenarios struct {
	Lines  map[string]selector
	Alerts map[string]scenario
}

type selector struct {
	User, Verb, Resource, Subresource, Code string
}

type scenario struct {
	Fires, Quiet []event
}

type event struct {
	Like  string
	Set   map[string]any
	Raw   map[string]string // JSON text
	Times int
	Ago   time.Duration
}

func readScenarios(t *testing.T) scenarios {
	t.Helper()
	file, err := os.Open("testdata/scenarios.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var s scenarios
	d := yaml.NewDecoder(file)
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// find returns the first line of the corpus with these fields.
func (s selector) find(t *testing.T) []byte {
	t.Helper()
	var f lokipush.Fields
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		if readFields(line, &f) && string(f.User) == s.User && string(f.Verb) == s.Verb &&
			string(f.Resource) == s.Resource && string(f.Subresource) == s.Subresource && string(f.Code) == s.Code {
			return line
		}
	}
	t.Fatalf("diverse.log has no line with %+v", s)
	return nil
}

// make returns the event's lines.
func (e event) make(t *testing.T, s scenarios) (lines [][]byte) {
	t.Helper()
	base := s.Lines[e.Like].find(t)
	for i := range max(e.Times, 1) {
		var fields map[string]any
		if err := json.Unmarshal(base, &fields); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-e.Ago).UTC()
		fields["auditID"] = fmt.Sprintf("00000000-0000-4000-8000-%012x", at.UnixMicro()%(1<<48))
		fields["stageTimestamp"] = at.Format("2006-01-02T15:04:05.000000Z")
		for path, value := range e.Set {
			if s, ok := value.(string); ok {
				value = numbered(s, i)
			}
			set(fields, strings.Split(path, "."), value)
		}
		for path, text := range e.Raw {
			set(fields, strings.Split(path, "."), json.RawMessage(numbered(text, i)))
		}
		line, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// set puts a value at a path; nil takes it away.
func set(fields map[string]any, path []string, value any) {
	if len(path) > 1 {
		inner, ok := fields[path[0]].(map[string]any)
		if !ok {
			inner = make(map[string]any)
			fields[path[0]] = inner
		}
		set(inner, path[1:], value)
		return
	}
	if value == nil {
		delete(fields, path[0])
		return
	}
	fields[path[0]] = value
}

// numbered puts in the number of an event, and text that is too long for Loki.
func numbered(s string, i int) string {
	return strings.NewReplacer("{i}", strconv.Itoa(i), "{long}", strings.Repeat("x", lokiLimit)).Replace(s)
}

// stream pushes lines as the sidecar does: redacted, with the same labels and
// metadata.
type stream struct {
	t        *testing.T
	pusher   *lokipush.Pusher
	batch    *lokipush.Batch
	redactor *redact.Redactor
	fields   lokipush.Fields
}

func newStream(t *testing.T, url, cluster string) *stream {
	t.Helper()
	policy, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, redactor: redact.New(policy, redact.NewKey())}
	client := newClient(t, url, "")
	s.pusher = lokipush.NewPusher(client, lokipush.PusherConfig{})
	labels, err := lokipush.NewLabels(map[string]string{"job": "audit", "cluster": cluster, "node": "cp1"})
	if err != nil {
		t.Fatal(err)
	}
	s.batch = lokipush.NewBatch(labels)
	return s
}

func (s *stream) add(line []byte) {
	s.t.Helper()
	line, _ = s.redactor.Line(nil, line)
	line = bytes.Clone(line)
	readFields(line, &s.fields) // a line that is no event is pushed like any other
	line = shrink.Line(line, lokiLimit, nil)
	for !s.batch.Add(s.fields.StageTimestamp, line, &s.fields) {
		s.flush()
	}
}

func (s *stream) flush() {
	s.t.Helper()
	refused, err := s.pusher.Deliver(s.t.Context(), s.batch)
	if err != nil || len(refused) > 0 {
		s.t.Fatalf("push: %v, refused %v", err, refused)
	}
	s.batch.Reset()
}
