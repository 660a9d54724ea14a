package redact

import (
	"encoding/json"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// A line that passes quickly is not changed slowly, either.
func TestQuickAgrees(t *testing.T) {
	r, slow := newTest(t, Config{}), slowTest(t, Config{})
	agree := func(name string, line []byte) (passed bool) {
		if passed = passes(r, line); passed {
			if _, changed := slow.Line(nil, line); changed {
				t.Errorf("%s passed: %s", name, line)
			}
		}
		return passed
	}
	for _, name := range audittest.Names() {
		passed, lines := 0, 0
		for line := range audittest.Lines(audittest.Corpus(t, name)) {
			if lines++; json.Valid(line) && agree(name, line) {
				passed++
			}
		}
		if passed*10 < lines*7 {
			t.Errorf("%s: only %d of %d lines pass", name, passed, lines)
		}
	}
	for _, c := range cases() {
		line, _ := marked(r, c.line)
		agree(c.name, []byte(line))
	}
}

// passes reports whether a line passes quickly.
func passes(r *Redactor, line []byte) bool {
	r.event.Release()
	return r.decoder.Skim(line, &r.event) && r.quick.passes(&r.event)
}

// slowTest is newTest without the quick search.
func slowTest(t testing.TB, c Config) *Redactor {
	r := newTest(t, c)
	r.quick.every = always
	return r
}

// FuzzQuick is TestQuickAgrees for events of any content, in the form that
// kube-apiserver gives them.
func FuzzQuick(f *testing.F) {
	for _, resource := range []string{"secrets", "configmaps", "pods", "tokenreviews"} {
		for _, message := range []string{"", "x is forbidden: User \"u\" cannot get", "policy 'p' denied request: pw", `admission webhook "h" denied the request: pw`, `x is invalid: "pw"`} {
			for _, reason := range []string{"", "Forbidden", "Invalid", "Conflict"} {
				f.Add(resource, "create", "/api/v1/x?limit=1", reason, message, "", "")
			}
		}
		for _, body := range []string{`{"kind":"SecretList","items":[{"data":{"a":"b"}}]}`, `{"metadata":{"annotations":{"x/last-applied-configuration":"{\"kind\":\"Secret\"}"}}}`, `[{"path":"/data/a","value":1}]`} {
			f.Add(resource, "patch", `/x?a="b"&token=c`, "", "", body, "")
		}
		f.Add(resource, "update", "/x?accessToken=b&a=Bearer+c", "", "", "", `[{"message":"pw"}]`)
	}
	var pairs [][2]*Redactor
	for _, c := range []Config{
		{}, {Enable: []string{ruleConfigMapReads}, Disable: []string{ruleSecrets}},
		{Rules: []Rule{{Name: "x", Resource: new("*"), Paths: []string{"requestObject.a"}}, {Name: "y", Resource: new("pods"), Paths: []string{"responseStatus.message"}}}},
	} {
		pairs = append(pairs, [2]*Redactor{newTest(f, c), slowTest(f, c)})
	}
	quoted := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	f.Fuzz(func(t *testing.T, resource, verb, uri, reason, message, body, finding string) {
		var object any
		if json.Unmarshal([]byte(body), &object) == nil { // or there is no object
			text, _ := json.Marshal(object)
			body = `,"requestObject":` + string(text)
		} else {
			body = ""
		}
		status := `"code":200`
		if message != "" {
			status = `"status":"Failure","message":` + quoted(message) + `,"reason":` + quoted(reason) + `,"code":400`
		}
		line := eventHead + `,"requestURI":` + quoted(uri) + `,"verb":` + quoted(verb) + `,"objectRef":{"resource":` + quoted(resource) +
			`,"name":"x"},"responseStatus":{"metadata":{},` + status + `}` + body + `,"stageTimestamp":"t","annotations":{"a":"b"`
		if finding != "" {
			line += `,"` + policyFinding + `":` + quoted(finding)
		}
		line += "}}"
		for _, pair := range pairs {
			if !passes(pair[0], []byte(line)) {
				continue
			}
			if out, changed := pair[1].Line(nil, []byte(line)); changed {
				t.Errorf("%s passes; slowly it becomes %s", line, out)
			}
		}
	})
}
