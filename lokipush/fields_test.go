package lokipush

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// texts is Fields as strings, for comparing.
type texts struct {
	user, verb, resource, subresource, namespace, name, code, stage, level, auditID string
	time                                                                            time.Time
}

func (f *Fields) texts() texts {
	return texts{string(f.User), string(f.Verb), string(f.Resource), string(f.Subresource), string(f.Namespace),
		string(f.Name), string(f.Code), string(f.Stage), string(f.Level), string(f.AuditID), f.StageTimestamp}
}

func TestParseFields(t *testing.T) {
	at := time.Date(2026, 11, 22, 16, 59, 23, 525775000, time.UTC)
	for _, c := range []struct {
		name, line string
		want       texts
		malformed  bool
	}{
		{name: "whole event", line: `{"kind":"Event","level":"Request","auditID":"id 1","stage":"ResponseComplete","verb":"create",` +
			`"user":{"username":"u","groups":["g"]},"objectRef":{"resource":"pods","namespace":"ns","name":"p","subresource":"exec"},` +
			`"responseStatus":{"metadata":{},"code":101},"requestObject":{"user":{"username":"not me"},"a":["}"]},"stageTimestamp":"2026-11-22T16:59:23.525775Z"}`,
			want: texts{"u", "create", "pods", "exec", "ns", "p", "101", "ResponseComplete", "Request", "id 1", at}},
		{name: "empty object", line: `{}`},
		{name: "white space", line: " {\t\"verb\" :\r\"get\" , \"level\": \"x\" }\n", want: texts{verb: "get", level: "x"}},
		{name: "last of duplicate keys", line: `{"verb":"a","verb":"b"}`, want: texts{verb: "b"}},
		{name: "duplicate object replaces the first", line: `{"objectRef":{"resource":"pods","name":"x"},"objectRef":{"resource":"nodes"}}`, want: texts{resource: "nodes"}},
		{name: "null replaces", line: `{"user":{"username":"u"},"user":null}`},
		{name: "unexpected types", line: `{"verb":5,"user":"u","objectRef":[],"responseStatus":{"code":"200"},"stageTimestamp":7,"level":null,"stage":{}}`},
		{name: "keys are case-sensitive", line: `{"Verb":"get","VERB":"get"}`},
		{name: "escaped key and value", line: `{"\u0076erb":"a\u0026\u003c\"\\\/\b\f\n\r\t\ud83d\ude00"}`, want: texts{verb: "a&<\"\\/\b\f\n\r\t😀"}},
		{name: "lone surrogates", line: `{"verb":"\ud83d x\ude00\ud83d\u0041"}`, want: texts{verb: "\ufffd x\ufffd\ufffdA"}},
		{name: "invalid UTF-8", line: "{\"verb\":\"a\xff\xfeb\"}", want: texts{verb: "a\ufffd\ufffdb"}},
		{name: "several escaped values", line: `{"verb":"\u0061\u0062","level":"\u0063"}`, want: texts{verb: "ab", level: "c"}},
		{name: "quote after backslashes", line: `{"x":"\\","y":"\\\"","verb":"get"}`, want: texts{verb: "get"}},
		{name: "negative code", line: `{"responseStatus":{"code":-1}}`, want: texts{code: "-1"}},
		{name: "code no integer", line: `{"responseStatus":{"code":2e2}}`},
		{name: "code too long", line: `{"responseStatus":{"code":12345678901}}`},
		{name: "other values", line: `{"a":1E+5,"b":-1.5e-3,"c":true,"d":false,"e":null,"f":[[],{}],"verb":"get"}`, want: texts{verb: "get"}},
		{name: "time with offset", line: `{"stageTimestamp":"2026-11-22T18:59:23.525775+02:00"}`, want: texts{time: at}},
		{name: "time unreadable", line: `{"stageTimestamp":"yesterday"}`},
		{name: "torn", line: `{"verb":"get","level":"Req`, want: texts{verb: "get"}, malformed: true},
		{name: "glued", line: `{"verb":"get","user":{"user{"verb":"list"}`, want: texts{verb: "get"}, malformed: true},
		{name: "trailing text", line: `{"verb":"get"}{"verb":"list"}`, want: texts{verb: "get"}, malformed: true},
		{name: "trailing comma", line: `{"verb":"get",}`, want: texts{verb: "get"}, malformed: true},
		{name: "member without comma", line: `{"verb":"get" "level":"x"}`, want: texts{verb: "get"}, malformed: true},
		{name: "empty", line: ``, malformed: true},
		{name: "array", line: `["verb"]`, malformed: true},
		{name: "NULs", line: "\x00\x00{\"verb\":\"get\"}", malformed: true},
		{name: "open brace", line: `{`, malformed: true},
		{name: "no value", line: `{"verb":}`, malformed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := Fields{Verb: []byte("of the last line")}
			err := ParseFields([]byte(c.line), &fields)
			if errors.Is(err, ErrMalformed) != c.malformed {
				t.Errorf("error %v", err)
			}
			if got := fields.texts(); got != c.want {
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
		level: text(event, "level"), auditID: text(event, "auditID"), resource: text(event["objectRef"], "resource"),
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

// compare checks ParseFields against encoding/json and its own promises.
func compare(t *testing.T, line []byte) {
	t.Helper()
	var fields Fields
	err := ParseFields(line, &fields)
	got := fields.texts()
	want, valid := oracle(line)
	if valid && (err != nil || got != want) {
		t.Errorf("%.300q\ngot  %+v, %v\nwant %+v", line, got, err, want)
	}
	for _, value := range [][]byte{fields.User, fields.Verb, fields.Resource, fields.Subresource, fields.Namespace,
		fields.Name, fields.Code, fields.Stage, fields.Level, fields.AuditID} {
		if !utf8.Valid(value) {
			t.Errorf("%.300q: value %q is not valid UTF-8", line, value)
		}
	}
}

func TestParseFieldsAgreesWithEncodingJSON(t *testing.T) {
	for _, name := range []string{"diverse.log", "torn-line.log"} {
		lines := 0
		for line := range bytes.Lines(audittest.Corpus(t, name)) {
			compare(t, bytes.TrimSuffix(line, []byte("\n")))
			lines++
		}
		if lines < 100 {
			t.Errorf("%s: only %d lines", name, lines)
		}
	}
}

func FuzzParseFields(f *testing.F) {
	f.Add([]byte(`{"verb":"a\u0026\ud83d\ude00","user":{"username":"x"},"responseStatus":{"code":200},"stageTimestamp":"2026-11-22T16:59:23.525775Z"}`))
	f.Add([]byte(`{"objectRef":{"resource":"a"},"objectRef":{"name":"b","name":5},"x":[{"}":"]"}]}`))
	f.Add([]byte(`{"verb":"get","user":{"user{"kind":"Event"}`))
	f.Add([]byte("{\"verb\":\"\xff\\u12\"}"))
	f.Fuzz(func(t *testing.T, line []byte) { compare(t, line) })
}

func TestParseFieldsAllocatesNothing(t *testing.T) {
	line := firstLine(t)
	var fields Fields
	if n := testing.AllocsPerRun(100, func() { _ = ParseFields(line, &fields) }); n != 0 {
		t.Errorf("%v allocations for an ordinary line", n)
	}
	escaped := []byte(`{"verb":"\u0061","auditID":"x\u0026y"}`)
	if n := testing.AllocsPerRun(100, func() { _ = ParseFields(escaped, &fields) }); n != 0 {
		t.Errorf("%v allocations for an escaped line with warm memory", n)
	}
}

func TestParseFieldsGivesMemoryBack(t *testing.T) {
	var fields Fields
	_ = ParseFields([]byte(`{"verb":"\n`+strings.Repeat("x", 1<<20)+`"}`), &fields)
	if len(fields.Verb) != 1<<20+1 {
		t.Fatalf("verb of %d bytes", len(fields.Verb))
	}
	_ = ParseFields([]byte(`{}`), &fields)
	if cap(fields.scratch) > maxScratch {
		t.Errorf("%d bytes kept", cap(fields.scratch))
	}
}

func firstLine(tb testing.TB) []byte {
	line, _, _ := bytes.Cut(audittest.Corpus(tb, "diverse.log"), []byte("\n"))
	return line
}

func BenchmarkParseFields(b *testing.B) {
	log := audittest.Corpus(b, "rotated.log")
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	var fields Fields
	for b.Loop() {
		for line := range bytes.Lines(log) {
			_ = ParseFields(line, &fields)
		}
	}
}
