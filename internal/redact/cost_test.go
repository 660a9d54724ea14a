package redact

import (
	"strings"
	"testing"
	"time"
)

// Crafted lines cost no more than their length allows: each of these has some
// megabytes, and would take minutes if anything were looked at again and again.
func TestCraftedLines(t *testing.T) {
	const size = 3 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	deep := 9000
	for name, line := range map[string]string{
		"web tokens":           uriEvent("/x?a=" + fill("eyJ")),
		"web tokens, dots":     uriEvent("/x?a=" + fill("eyJ.eyJ")),
		"bearers":              uriEvent("/x?a=" + fill("bearer")),
		"bearer tokens":        uriEvent("/x?a=" + fill("bearer+x ")),
		"parameters":           uriEvent("/x?" + fill(`token=a\u0026`)),
		"objectRefs":           event("pods", "create", `"requestObject":[`+fill(`{"objectRef":{"resource":"secrets","x":1}},`)+`0]`),
		"beginnings":           fill(eventHead + `,"requestObject":{`),
		"backslashes":          event("secrets", "create", `"requestObject":{"data":{"a":"`+fill(`\\`)+`"}}`),
		"quotes":               event("secrets", "create", `"requestObject":{"data":{"a":"`+fill(`\"`)+`"}}`),
		"nested Secrets":       event("pods", "create", `"requestObject":`+strings.Repeat(`{"kind":"Secret","data":`, deep)+`1`+strings.Repeat(`}`, deep)),
		"nested objects":       event("pods", "create", `"requestObject":`+strings.Repeat(`{"x":`, deep)+`{"kind":"Secret","a":"`+fill("a")+`"}`+strings.Repeat(`}`, deep)),
		"a Secret not so deep": event("pods", "create", `"requestObject":{"kind":"Secret","x":`+strings.Repeat("[", deep)+fill(`"a",`)+`1`+strings.Repeat("]", deep)+`}`),
		"places that are deep": event("pods", "create", `"requestObject":{"kind":"Secret","items":`+strings.Repeat(`{"object":`, deep)+`{"a":"`+fill("a")+`"}`+strings.Repeat("}", deep)+`}`),
		"nested lists":         event("secrets", "list", `"responseObject":`+strings.Repeat(`{"items":[`, deep/2)+strings.Repeat(`]}`, deep/2)),
		"operations":           event("secrets", "patch", `"requestObject":[`+fill(`{"op":"add","path":"/data/a","value":1},`)+`{}]`),
		"one long path":        event("secrets", "patch", `"requestObject":[{"op":"add","path":"`+fill("/items")+`","value":1}]`),
		"members":              event("secrets", "create", fill(`"requestObject":{},`)+`"a":1`),
		"NULs":                 fill("\x00"),
		"URIs":                 eventHead + fill(`,"requestURI":"/a?x=1"`),
	} {
		t.Run(name, func(t *testing.T) {
			r := newTest(t, Config{})
			start := time.Now()
			r.Line(nil, []byte(line))
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("took %s", took)
			}
			if cap(r.found) > 1<<12 || cap(r.places) > 1<<12 || cap(r.scratch) > keepBuffer {
				t.Error("memory is kept")
			}
		})
	}
}

// How deep a body is makes no difference: the time of a body without a Secret
// in its depth is that of one as long and flat.
func TestDepthCostsNothing(t *testing.T) {
	r := newTest(t, Config{})
	took := func(depth int) time.Duration {
		line := []byte(event("pods", "create", `"requestObject":{"kind":"Secret","x":`+strings.Repeat("[", depth)+strings.Repeat(`"a",`, 1<<18)+`1`+strings.Repeat("]", depth)+`}`))
		least := time.Hour
		for range 5 {
			start := time.Now()
			r.Line(nil, line)
			least = min(least, time.Since(start))
		}
		return least
	}
	if flat, deep := took(1), took(9000); deep > 100*flat+100*time.Millisecond {
		t.Errorf("flat %s, deep %s", flat, deep)
	}
}
