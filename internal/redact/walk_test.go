package redact

import (
	"strings"
	"testing"
)

// However deep it is, a Secret in a body is found, or replaced with the text
// around it; a body without a Secret stays, and rules of one's own reach it.
func TestDepth(t *testing.T) {
	own := Config{Rules: []Rule{{Name: "x", Resource: new("pods"), Paths: []string{"requestObject.own" + strings.Repeat(".x", 45)}}}}
	for depth := range 40 {
		open, closed := strings.Repeat(`{"x":`, depth), strings.Repeat("}", depth)
		inner := `{"kind":‹"Secret"›,"type":‹"t"›,"data":{"a":‹"b"›}}`
		if depth+1 <= maxNested {
			inner = `{"kind":"Secret","type":"t","data":{"a":‹"b"›}}`
		}
		text := event("pods", "create", `"requestObject":{"y":`+open+inner+closed+
			`,"z":`+open+`{"kind":"Pod","data":{"a":"b"}}`+closed+
			`,"own":`+strings.Repeat(`{"x":`, 45)+`‹"s"›`+strings.Repeat("}", 45)+
			`,"last":{"kind":"Secret","stringData":‹"b"›}}`)
		r := newTest(t, own)
		line, want := marked(r, text)
		if out, _ := r.Line(nil, []byte(line)); string(out) != want {
			t.Errorf("at depth %d:\ngot  %s\nwant %s", depth, out, want)
		}
	}
}
