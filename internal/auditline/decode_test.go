package auditline

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// oracle decodes the top-level strings of an event with encoding/json, whose
// maps know upper and lower case.
func oracle(line []byte) (map[string]string, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(line, []byte("\ufeff")), &fields) != nil || fields == nil {
		return nil, false
	}
	values := map[string]string{}
	for name, raw := range fields {
		var s string
		if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
			values[name] = s
		}
	}
	kind, group, hasID := values["kind"], strings.HasPrefix(values["apiVersion"], "audit.k8s.io/"), values["auditID"] != ""
	if kind == "" || values["apiVersion"] == "" {
		return values, hasID && (kind == "" || kind == "Event") && (group || values["apiVersion"] == "")
	}
	return values, kind == "Event" && group
}

// checkDecode compares the general decoder with encoding/json.
func checkDecode(tb testing.TB, line []byte) {
	tb.Helper()
	var g general
	var e Event
	got := g.decode(line, &e)
	values, want := oracle(line)
	if got != want {
		tb.Fatalf("decode(%q) is %v, encoding/json says %v", line, got, want)
	}
	checkUTF8(tb, &e)
	if !got {
		return
	}
	for name, c := range map[string]Field{
		"level": Level, "auditID": AuditID, "stage": Stage, "requestURI": RequestURI, "verb": Verb, "userAgent": UserAgent,
	} {
		v, given := values[name]
		if col := e.Text(c); given != (col != nil) || v != string(col) {
			tb.Fatalf("decode(%q): %s is %q, want %q (%v)", line, name, col, v, given)
		}
	}
}

// checkUTF8 fails where a text column is not valid: readers would fail on it.
func checkUTF8(tb testing.TB, e *Event) {
	tb.Helper()
	check := func(v []byte) {
		if !utf8.Valid(v) {
			tb.Fatalf("column value %q is not UTF-8", v)
		}
	}
	for c := range NumFields {
		check(e.Text(c))
	}
	for _, t := range []*List{&e.userGroups, &e.impGroups, &e.sourceIPs} {
		for _, v := range t.Items {
			check(v)
		}
	}
	for _, m := range []*Map{&e.userExtra, &e.impExtra, &e.notes} {
		for _, v := range append(m.Keys[:len(m.Keys):len(m.Keys)], m.Values...) {
			check(v)
		}
	}
}

func TestDecodeIrregularEvents(t *testing.T) {
	const head = `"kind":"Event","apiVersion":"audit.k8s.io/v1"`
	for name, c := range map[string]struct {
		line string
		col  Field
		want string
	}{
		"other order":         {`{"verb":"get",` + head + `}`, Verb, "get"},
		"white space":         {" {\t\"verb\" : \"get\" ,\r " + head + "} ", Verb, "get"},
		"the last of two":     {`{"verb":"get",` + head + `,"verb":"list"}`, Verb, "list"},
		"escaped name":        {`{` + head + `,"v\u0065rb":"get"}`, Verb, "get"},
		"invalid UTF-8":       {"{" + head + ",\"verb\":\"g\xffet\"}", Verb, "g\ufffdet"},
		"lone surrogate":      {`{` + head + `,"verb":"\ud800"}`, Verb, "\ufffd"},
		"pair of surrogates":  {`{` + head + `,"verb":"\ud83d\ude00"}`, Verb, "\U0001f600"},
		"invalid body":        {"{" + head + ",\"requestObject\":[\"\xff\"]}", RequestObject, "[\"\ufffd\"]"},
		"older version":       {`{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1","verb":"get"}`, Verb, "get"},
		"user twice":          {`{` + head + `,"user":{"username":"a","uid":"u"},"user":{"username":"b"}}`, UserName, "b"},
		"constraint":          {`{` + head + `,"authenticationMetadata":{"impersonationConstraint":"c"}}`, ImpersonationConstraint, "c"},
		"status":              {`{` + head + `,"responseStatus":{"reason":"r","metadata":{"a":1}}}`, ResponseReason, "r"},
		"object of odd order": {`{` + head + `,"objectRef":{"name":"n","resource":"r"}}`, ObjectName, "n"},
	} {
		t.Run(name, func(t *testing.T) {
			var g general
			var e Event
			if !g.decode([]byte(c.line), &e) {
				t.Fatalf("refused: %s", c.line)
			}
			if got := string(e.Text(c.col)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			checkDecode(t, []byte(c.line))
		})
	}
}

func TestDecodeWrongTypesAreNull(t *testing.T) {
	line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":1,"verb":null,"user":[],"sourceIPs":{},"objectRef":"x",` +
		`"responseStatus":{"code":1e9},"requestObject":null,"requestReceivedTimestamp":5,"stageTimestamp":"never","annotations":[1]}`
	var g general
	var e Event
	if !g.decode([]byte(line), &e) {
		t.Fatal("refused")
	}
	var empty Event
	empty.Reset()
	if got, want := describe(&e), describe(&empty); got != want {
		t.Errorf("columns\n%s, want all null", got)
	}
}

func TestDecodeBoundsDepthAndLength(t *testing.T) {
	const head = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestObject":`
	for depth, want := range map[int]bool{maxDepth - 1: true, maxDepth: false, 10 * maxDepth: false} {
		line := head + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}"
		var g general
		var e Event
		if got := g.decode([]byte(line), &e); got != want {
			t.Errorf("decode at depth %d is %v, want %v", depth, got, want)
		}
		checkDecode(t, []byte(line))
	}
	const start = `{"kind":"Event","apiVersion":"audit.k8s.io/v1",`
	for n, want := range map[int]bool{MaxItems: true, MaxItems + 1: false} {
		list := `["\u00e9"` + strings.Repeat(`,"\u00e9"`, n-1) + `]`
		var g general
		var e Event
		if !g.decode([]byte(start+`"sourceIPs":`+list+`}`), &e) || e.sourceIPs.Given != want {
			t.Errorf("a list of %d is given: %v, want %v", n, e.sourceIPs.Given, want)
		}
		if !g.decode([]byte(start+`"user":{"username":"u","extra":{"a":`+list+`}}}`), &e) || e.userExtra.Given != want || string(e.text[UserName]) != "u" {
			t.Errorf("a map with a list of %d is given: %v, want %v", n, e.userExtra.Given, want)
		}
		if !g.decode([]byte(start+`"user":{"extra":{"a":`+list+`}},"user":{"extra":{"b":["c"]}}}`), &e) || !e.userExtra.Given {
			t.Error("the last of two maps does not count")
		}
	}
}

func TestDecodeAgreesOnRealLines(t *testing.T) {
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		checkDecode(t, line)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(strings.TrimSpace(canonicalLine)))
	f.Add([]byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"\ud800","annotations":{"a":1,"a":"b"}}`))
	f.Add([]byte("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"user\":{\"extra\":{\"\xff\":[null]}}}"))
	f.Fuzz(func(t *testing.T, line []byte) { checkDecode(t, line) })
}

func FuzzSkipValue(f *testing.F) {
	f.Add([]byte(` {"a":[1,-2.5e+3,true,null,"x\u00e9\n"]} `))
	f.Add([]byte("[[[[[[]]]]]]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s skipper
		end, ascii, ok := s.skipValue(b, 0)
		got := ok && len(bytes.Trim(b[end:], " \t\r\n")) == 0
		if want := json.Valid(b); got != want {
			t.Fatalf("skipValue(%q) is %v, encoding/json says %v", b, got, want)
		}
		if ok && ascii != (bytes.IndexFunc(b[:end], func(r rune) bool { return r >= utf8.RuneSelf }) < 0) {
			t.Fatalf("skipValue(%q): ascii is %v", b, ascii)
		}
	})
}

// A line with a NUL byte, wherever it is, is not a whole event: where all lines
// are, a reader need not look for the hole that a truncation leaves.
func TestNoEventHasNULs(t *testing.T) {
	var d Decoder
	var e Event
	for _, line := range append(realLines(t)[:20], []byte(canonicalLine), []byte(` { "kind" : "Event", "apiVersion":"audit.k8s.io/v1" } `)) {
		for at := range len(line) + 1 {
			if testing.Short() && at%7 != 0 {
				continue
			}
			inserted := slices.Insert(bytes.Clone(line), at, 0)
			if o, _ := d.Line(inserted, &e); o != Broken && o != Undecodable {
				t.Fatalf("%q: outcome %d", inserted, o)
			}
			if at == len(line) {
				break
			}
			replaced := bytes.Clone(line)
			replaced[at] = 0
			if o, _ := d.Line(replaced, &e); o != Broken && o != Undecodable {
				t.Fatalf("%q: outcome %d", replaced, o)
			}
		}
	}
}
