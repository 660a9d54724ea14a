package redact

import (
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// The cost of crafted lines is proportional to their length: a line of sixteen
// times the length and depth costs sixteen times as much, and not 256 times,
// which it would if every part of it were looked at for every other.
func TestCraftedLines(t *testing.T) {
	const times = 16
	size := 64 << 10
	if testing.Short() {
		size /= 8
	}
	short, long := craftedLines(size, 9000/times), craftedLines(times*size, 9000)
	for name := range long {
		t.Run(name, func(t *testing.T) {
			r := newTest(t, Config{Enable: []string{ruleConfigMapReads, ruleCommands, ruleEnvironment}})
			redact := func(line []byte) func() { return func() { r.Line(nil, line) } }
			audittest.CheckCost(t, 4*times, redact([]byte(short[name])), redact([]byte(long[name])))
			if cap(r.found) > 1<<12 || cap(r.positions) > 1<<12 || cap(r.text) > keepBuffer {
				t.Error("memory is kept")
			}
		})
	}
}

// craftedLines returns lines of about size bytes. Those that nest do so to depth,
// and some of these are only as long as that takes.
func craftedLines(size, depth int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	nest := func(n int, open, body, closed string) string {
		return strings.Repeat(open, n) + body + strings.Repeat(closed, n)
	}
	return map[string]string{
		"web tokens":            uriEvent("/x?a=" + fill("eyJ")),
		"web tokens, dots":      uriEvent("/x?a=" + fill("eyJ.eyJ")),
		"bearers":               uriEvent("/x?a=" + fill("bearer")),
		"bearer tokens":         uriEvent("/x?a=" + fill("bearer+x ")),
		"parameters":            uriEvent("/x?" + fill(`token=a\u0026`)),
		"objectRefs":            event("pods", "create", `"requestObject":[`+fill(`{"objectRef":{"resource":"secrets","x":1}},`)+`0]`),
		"beginnings":            fill(eventHead + `,"requestObject":{`),
		"backslashes":           event("secrets", "create", `"requestObject":{"data":{"a":"`+fill(`\\`)+`"}}`),
		"quotes":                event("secrets", "create", `"requestObject":{"data":{"a":"`+fill(`\"`)+`"}}`),
		"nested Secrets":        event("pods", "create", `"requestObject":`+nest(depth, `{"kind":"Secret","data":`, `1`, `}`)),
		"nested objects":        event("pods", "create", `"requestObject":`+nest(depth, `{"x":`, `{"kind":"Secret","a":"`+fill("a")+`"}`, `}`)),
		"a Secret not so deep":  event("pods", "create", `"requestObject":{"kind":"Secret","x":`+nest(depth, "[", fill(`"a",`)+`1`, "]")+`}`),
		"places that are deep":  event("pods", "create", `"requestObject":{"kind":"Secret","items":`+nest(depth, `{"object":`, `{"a":"`+fill("a")+`"}`, "}")+`}`),
		"nested lists":          event("secrets", "list", `"responseObject":`+nest(depth/2, `{"items":[`, "", `]}`)),
		"operations":            event("secrets", "patch", `"requestObject":[`+fill(`{"op":"add","path":"/data/a","value":1},`)+`{}]`),
		"one long path":         event("secrets", "patch", `"requestObject":[{"op":"add","path":"`+fill("/items")+`","value":1}]`),
		"members":               event("secrets", "create", fill(`"requestObject":{},`)+`"a":1`),
		"nested URIs":           uriEvent("/x?" + fill("a%3Fb%3D")),
		"encoded percent signs": uriEvent("/x?a=" + fill("%25")),
		"encoded parameters":    uriEvent("/x?" + fill("token%3Da%253Fpassword%253D")),
		"semicolons":            uriEvent("/x?" + fill(";labelSelector=")),
		"escapes in a URI":      uriEvent("/x?a=" + fill(`\u003d`)),
		"extra":                 eventParts{user: `{"extra":{` + strings.TrimSuffix(fill(`"token":["a"],`), ",") + `}}`}.line(),
		"bearers of an agent":   eventParts{agent: fill("bearer bearer:")}.line(),
		"lists of an agent":     eventParts{agent: fill(`\":[`)}.line(),
		"kinds":                 event("pods", "create", `"requestObject":{"metadata":{"annotations":{"a":"`+fill(`kind: Secre `)+`Secret"}}}`),
		"words":                 event("pods", "create", `"requestObject":{"a":"`+fill(`Secret`)+`"}`),
		"annotations":           event("pods", "create", `"requestObject":{"metadata":{"annotations":{`+fill(`"a":"kind: Secret\n",`)+`"b":""}}}`),
		"nested annotations":    event("pods", "create", `"requestObject":`+nest(depth, `{"annotations":`, `{"kind":"Secret","a":"`+fill("a")+`"}`, `}`)),
		"variables":             event("pods", "create", `"requestObject":{"env":[`+fill(`{"name":"PASSWORD","value":"a"},`)+`{}]}`),
		"nested variables":      event("pods", "create", `"requestObject":`+nest(depth/2, `{"name":"a","env":[`, `{"name":"TOKEN","value":"`+fill("a")+`"}`, `]}`)),
		"NULs":                  fill("\x00"),
		"URIs":                  eventHead + fill(`,"requestURI":"/a?x=1"`),
	}
}

// The depth of a body makes no difference: a body without a Secret in its depth
// costs the same as a flat one of that length.
func TestDepthCostsNothing(t *testing.T) {
	r := newTest(t, Config{})
	redact := func(depth int) func() {
		line := []byte(event("pods", "create", `"requestObject":{"kind":"Secret","x":`+strings.Repeat("[", depth)+strings.Repeat(`"a",`, 1<<18)+`1`+strings.Repeat("]", depth)+`}`))
		return func() { r.Line(nil, line) }
	}
	audittest.CheckCost(t, 10, redact(1), redact(9000))
}
