package redact

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// FuzzValid compares with encoding/json.
func FuzzValid(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` {"a":[1,-0.5e+3,true,false,null,"\u00e9\n"]} `, `{"a":}`, `[1,]`, `{"a":1,}`, `01`, `-`, `1.`, `1e`, `"`, `"\x"`, `"\u12"`,
		"\"\x01\"", "\"\xff\"", `{"a" : 1 , "b":[ ]}`, `tru`, `[[[[]]]]`, `{"a":{"b":{}}}x`, ``, `}`, `"\\"`, `"\"`, `"0123456789012345678901234567890123456789\"\\"`,
		strings.Repeat("[", 10001) + strings.Repeat("]", 10001), strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	} {
		f.Add([]byte(text))
	}
	r := newTest(f, Config{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := r.valid(text), json.Valid(text); got != want {
			t.Errorf("%q: %t, encoding/json says %t", text, got, want)
		}
	})
}

// FuzzLine feeds any bytes: JSON stays JSON, redacting twice is
// redacting once, and an unchanged line is the same slice.
func FuzzLine(f *testing.F) {
	for _, name := range []string{"diverse.log", "torn-line.log", "nul-hole.log"} {
		n := 0
		for line := range audittest.Lines(audittest.Corpus(f, name)) {
			if n++; n%40 == 0 && len(line) < 8<<10 {
				f.Add(line)
			}
		}
	}
	for _, c := range cases() {
		line, _ := marked(newTest(f, Config{}), c.line)
		f.Add([]byte(line))
	}
	rules := Config{Enable: []string{ruleConfigMapReads}, Rules: []Rule{{Name: "x", Resource: new("*"), Paths: []string{"requestObject.spec[*].value", `annotations["x"]`}}}}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, c := range []Config{{}, rules, urisOnly()} {
			r := newTest(t, c)
			before := bytes.Clone(line)
			out, changed := r.Line(nil, line)
			if !bytes.Equal(before, line) {
				t.Fatalf("the line itself was changed")
			}
			if !changed && (len(out) != len(line) || len(line) > 0 && &out[0] != &line[0]) {
				t.Fatalf("unchanged, but another slice")
			}
			if json.Valid(line) && !json.Valid(out) {
				t.Fatalf("%s became %s", line, out)
			}
			if again, _ := r.Line(nil, out); json.Valid(line) && !bytes.Equal(again, out) {
				t.Fatalf("%s became %s, and then %s", line, out, again)
			}
		}
	})
}

// FuzzPlanted puts a secret into events of many forms, tears them and glues
// them: it never survives.
func FuzzPlanted(f *testing.F) {
	for i := range uint(len(plantings)) {
		f.Add(i, uint(0), uint(1<<20), "k", " ")
		f.Add(i, uint(700), uint(300), "password", "\x00")
	}
	r := newTest(f, Config{})
	plain := event("pods", "get", "")
	const secret = "hunter2hunter2"
	f.Fuzz(func(t *testing.T, which, from, length uint, key, between string) {
		name, _ := json.Marshal(key)
		event := strings.NewReplacer("KEY", string(name[1:len(name)-1]), "SECRET", secret).Replace(plantings[which%uint(len(plantings))])
		if strings.Contains(key+between, secret[:6]) || strings.Contains(between, "kind") {
			return
		}
		cut := event[min(from, uint(len(event))):]
		cut = cut[:min(length, uint(len(cut)))]
		for _, line := range []string{event, cut, cut + event, event + cut, cut + between + event, between + cut, event + between + cut + event, plain + "\x00" + cut, plain + between + event} {
			out, _ := r.Line(nil, []byte(line))
			if bytes.Contains(out, []byte(secret[:7])) {
				t.Fatalf("of %s\nstays %s", line, out)
			}
		}
	})
}

// plantings are events as kube-apiserver writes them, with a SECRET under a KEY.
var plantings = []string{
	event("secrets", "create", `"requestObject":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"},"data":{"KEY":"SECRET"},"type":"Opaque"},"responseObject":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"},"data":{"KEY":"SECRET"}}`),
	event("secrets", "patch", `"requestObject":[{"op":"replace","path":"/data/KEY","value":"SECRET"}]`),
	event("secrets", "patch", `"requestObject":[{"value":{"KEY":"SECRET"},"path":"/stringData","op":"add"}]`),
	event("secrets", "list", `"responseObject":{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"a"},"data":{"KEY":"SECRET"}},{"data":{"KEY":"SECRET"}}]}`),
	event("secrets", "patch", `"requestObject":{"KEY":["SECRET"],"stringData":{"KEY":"SECRET"}}`),
	event("configmaps", "update", `"requestObject":{"kind":"ConfigMap","apiVersion":"v1","data":{"KEY":"SECRET"},"binaryData":{"KEY":"SECRET"}}`),
	event("tokenreviews", "create", `"requestObject":{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{"token":"SECRET"},"status":{"user":{}}}`),
	event("widgets", "create", `"requestObject":{"kind":"Widget","spec":{"template":{"kind":"Secret","apiVersion":"v1","data":{"KEY":"SECRET"}}}}`),
	event("widgets", "create", `"requestObject":{"kind":"Widget","spec":{"kind":"SecretList","items":[{"data":{"KEY":"SECRET"}}]}}`),
	event("widgets", "patch", `"requestObject":{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"data\":{\"k\":\"SECRET\"}}"}}}`),
	failureOf("configmaps", "patch", `"status":"Failure","message":"KEY is invalid: \"SECRET\"","reason":"Invalid","details":{"causes":[{"message":"SECRET","field":"KEY"}]},"code":422`, ""),
	failureOf("secrets", "create", `"status":"Failure","message":"secrets \"KEY\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: SECRET","reason":"Forbidden","code":403`, ""),
	annotated("secrets", "create", `"validation.policy.admission.k8s.io/validation_failure":"[{\"message\":\"KEY SECRET\"}]"`),
	eventParts{resource: "pods", user: `{"username":"u","extra":{"x/token":["KEY","SECRET"]}}`}.line(),
	eventParts{resource: "pods", agent: "KEY Bearer SECRET"}.line(),
	eventParts{resource: "pods", annotations: `{"patch.webhook.admission.k8s.io/round_0_index_0":"{\"KEY\":\"SECRET\"}"}`}.line(),
	eventParts{resource: "widgets", request: `{"metadata":{"annotations":{"KEY":"kind: Secret\nstringData:\n  p: SECRET\n"}}}`}.line(),
	uriEvent(`/x?a=\"KEY\"\u0026token=SECRET\u0026b=\"c\"`),
}

// FuzzText compares with encoding/json.
func FuzzText(f *testing.F) {
	for _, s := range []string{`""`, `"a\"\\\/\b\f\n\r\t"`, `"\u00e9\ud83d\ude00\ud83dx\ude00\ud83d\u0041"`, `"\ud83d"`, `"é"`, `"\u2028"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var want string
		if !utf8.Valid(value) || len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &want) != nil {
			return
		}
		value = bytes.TrimRight(value, " \t\r\n")
		if got := text(value); string(got) != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	})
}
