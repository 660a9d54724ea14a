package lokipush

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// texts is Fields as strings, for comparing.
type texts struct {
	user, verb, group, resource, subresource, namespace, name, code, stage, level, auditID string
	time                                                                                   time.Time
}

func (f *Fields) texts() texts {
	return texts{string(f.User), string(f.Verb), string(f.Group), string(f.Resource), string(f.Subresource), string(f.Namespace),
		string(f.Name), string(f.Code), string(f.Stage), string(f.Level), string(f.AuditID), f.StageTimestamp}
}

// reader reads the fields of lines, as the stream does.
type reader struct {
	decoder auditline.Decoder
	event   auditline.Event
	fields  Fields
}

func (r *reader) read(line []byte) (*Fields, auditline.Outcome) {
	r.event.Release()
	what, _ := r.decoder.Line(line, &r.event)
	r.fields.Set(&r.event)
	return &r.fields, what
}

func TestFields(t *testing.T) {
	at := time.Date(2026, 11, 22, 16, 59, 23, 525775000, time.UTC)
	const head = `{"kind":"Event","apiVersion":"audit.k8s.io/v1",`
	event := head + `"level":"Request","auditID":"id 1","stage":"ResponseComplete","requestURI":"/x","verb":"create",` +
		`"user":{"username":"u","groups":["g"]},"objectRef":{"resource":"pods","namespace":"ns","name":"p","apiGroup":"apps","subresource":"exec"},` +
		`"responseStatus":{"metadata":{},"code":101},"requestObject":{"user":{"username":"not me"},"a":["}"]},` +
		`"requestReceivedTimestamp":"2026-11-22T16:59:23.000000Z","stageTimestamp":"2026-11-22T16:59:23.525775Z"}`
	all := texts{"u", "create", "apps", "pods", "exec", "ns", "p", "101", "ResponseComplete", "Request", "id 1", at}
	for name, c := range map[string]struct {
		line string
		want texts
	}{
		"whole event":           {event, all},
		"white space":           {strings.ReplaceAll(event, `,"`, ` , "`), all},
		"unknown member":        {strings.Replace(event, `"verb"`, `"new":{"verb":"x"},"verb"`, 1), all},
		"behind a torn event":   {event[:100] + event, all},
		"escaped":               {head + `"level":"Metadata","verb":"a\u0026\ud83d\ude00"}`, texts{level: "Metadata", verb: "a&😀"}},
		"torn":                  {event[:len(event)-5], texts{}},
		"no event":              {`{"verb":"get"}`, texts{}},
		"no apiVersion":         {`{"kind":"Event","verb":"get"}`, texts{}},
		"no text":               {"\x00\x00", texts{}},
		"empty":                 {"", texts{}},
		"time with an offset":   {head + `"level":"Metadata","stageTimestamp":"2026-11-22T18:59:23.525775+02:00"}`, texts{level: "Metadata", time: at}},
		"time that is not read": {head + `"level":"Metadata","stageTimestamp":"yesterday"}`, texts{level: "Metadata"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := reader{fields: Fields{Verb: []byte("of the last line")}}
			f, _ := r.read([]byte(c.line))
			if got := f.texts(); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

var integer = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,9})$`)

// oracle reads the fields with encoding/json; false for a line that is no JSON object.
func oracle(line []byte) (texts, bool) {
	var event map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if !json.Valid(line) || decoder.Decode(&event) != nil || event == nil {
		return texts{}, false
	}
	text := func(object any, key string) string {
		members, _ := object.(map[string]any)
		s, _ := members[key].(string)
		return s
	}
	want := texts{user: text(event["user"], "username"), verb: text(event, "verb"), stage: text(event, "stage"),
		level: text(event, "level"), auditID: text(event, "auditID"), group: text(event["objectRef"], "apiGroup"), resource: text(event["objectRef"], "resource"),
		subresource: text(event["objectRef"], "subresource"), namespace: text(event["objectRef"], "namespace"), name: text(event["objectRef"], "name")}
	status, _ := event["responseStatus"].(map[string]any)
	if code, ok := status["code"].(json.Number); ok && integer.MatchString(code.String()) {
		want.code = code.String()
	}
	if at, err := time.Parse(time.RFC3339, text(event, "stageTimestamp")); err == nil {
		if strict, _ := json.Marshal(text(event, "stageTimestamp")); at.UnmarshalJSON(strict) == nil {
			want.time = at.UTC()
		}
	}
	return want, true
}

// compare checks the fields of a line in kube-apiserver's form against encoding/json.
func (r *reader) compare(t *testing.T, line []byte) {
	t.Helper()
	f, what := r.read(line)
	if want, valid := oracle(line); what == auditline.Canonical && (!valid || f.texts() != want) {
		t.Errorf("%.300q\ngot  %+v\nwant %+v, %v", line, f.texts(), want, valid)
	}
	for _, value := range [][]byte{f.User, f.Verb, f.Group, f.Resource, f.Subresource, f.Namespace, f.Name, f.Code, f.Stage, f.Level, f.AuditID} {
		if !utf8.Valid(value) {
			t.Errorf("%.300q: value %q is not valid UTF-8", line, value)
		}
	}
}

func TestFieldsAgreeWithEncodingJSON(t *testing.T) {
	var r reader
	for _, name := range []string{"diverse.log", "torn-line.log", "rotated.log"} {
		lines := 0
		for line := range bytes.Lines(audittest.Corpus(t, name)) {
			r.compare(t, bytes.TrimSuffix(line, []byte("\n")))
			lines++
		}
		if lines < 100 {
			t.Errorf("%s: only %d lines", name, lines)
		}
	}
}

func FuzzFields(f *testing.F) {
	n := 0
	for line := range bytes.Lines(audittest.Corpus(f, "diverse.log")) {
		if n++; n%100 == 0 && len(line) < 4<<10 {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	var r reader
	f.Fuzz(func(t *testing.T, line []byte) { r.compare(t, line) })
}

func TestFieldsAllocateNothing(t *testing.T) {
	line := firstLine(t)
	var r reader
	r.read(line)
	r.read(line) // shared parts become known
	if n := testing.AllocsPerRun(100, func() { r.read(line) }); n != 0 {
		t.Errorf("%v allocations for an ordinary line", n)
	}
}

func firstLine(tb testing.TB) []byte {
	line, _, _ := bytes.Cut(audittest.Corpus(tb, "diverse.log"), []byte("\n"))
	return line
}

func BenchmarkFields(b *testing.B) {
	log := audittest.Corpus(b, "rotated.log")
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	var r reader
	for b.Loop() {
		for line := range bytes.Lines(log) {
			r.read(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
}
