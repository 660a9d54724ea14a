package auditline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// proven reports whether line would be stored without raw.
func proven(d *Decoder, e *Event, line []byte) bool {
	e.Release()
	what, _ := d.Line(line, e)
	var b Rebuilder
	return what == Canonical && b.Proves(line, e)
}

// checkProof fails where a line that counts as proven is not rebuilt, or where
// one that counts as canonical, proven or not, is no JSON or has columns other
// than those that the general decoder finds.
func checkProof(tb testing.TB, line []byte) {
	tb.Helper()
	var d Decoder
	var e Event
	var b Rebuilder
	isProven := false
	// The third time the shared parts come from the cache.
	for range 3 {
		isProven = proven(&d, &e, line)
		if got := b.Append(nil, &e); isProven && !bytes.Equal(got, line) {
			tb.Fatalf("a proven line is rebuilt as\n%q, want\n%q", got, line)
		}
	}
	if what, _ := d.Line(line, &e); what != Canonical {
		return
	}
	if !json.Valid(line) {
		tb.Fatalf("a canonical line is not JSON: %q", line)
	}
	if isProven {
		checkUnknown(tb, line, &e)
	}
	var g general
	var other Event
	if !g.decode(line, &other) {
		tb.Fatalf("the general decoder refuses a canonical line: %q", line)
	}
	if a, b := describe(&e), describe(&other); a != b {
		tb.Fatalf("scanner and general decoder differ on %q:\n%s\n%s", line, a, b)
	}
}

// describe writes out all fields of an event.
func describe(e *Event) string {
	var s strings.Builder
	for f := range NumFields {
		n, ok := e.Int(f)
		fmt.Fprintf(&s, "%d: %v %q %v %d\n", f, e.Text(f) != nil, e.Text(f), ok, n)
	}
	for _, f := range [...]Field{UserGroups, ImpersonatedGroups, SourceIPs} {
		l := e.List(f)
		fmt.Fprintf(&s, "%d: %v %q\n", f, l.Given, l.Items)
	}
	for _, f := range [...]Field{UserExtraKey, ImpersonatedExtraKey, AnnotationKey} {
		m := e.Map(f)
		fmt.Fprintf(&s, "%d: %v %q %q %v\n", f, m.Given, m.Keys, m.Values, m.Ends)
	}
	return s.String()
}

// canonicalLine has every field that kube-apiserver can write.
const canonicalLine = audittest.FullLine

// realLines returns the lines of a real log.
func realLines(tb testing.TB) [][]byte {
	tb.Helper()
	return bytes.Split(audittest.Corpus(tb, "diverse.log"), []byte("\n"))
}

// simpleEvent is a short event with an audit ID.
func simpleEvent(id string) string {
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"` + id +
		`","stage":"ResponseComplete","requestURI":"/","verb":"get","user":{"username":"u"},"requestReceivedTimestamp":null,"stageTimestamp":"2026-11-22T16:59:23.525775Z"}`
}

func TestScanAcceptsWhatKubeAPIServerWrites(t *testing.T) {
	var d Decoder
	var e Event
	if !proven(&d, &e, []byte(strings.TrimSpace(canonicalLine))) {
		t.Fatal("the full line is not canonical")
	}
	for _, c := range []struct {
		col  Field
		want string
	}{
		{Level, "RequestResponse"},
		{RequestURI, "/api/v1/pods?a=1&b=2"},
		{UserName, "alice"},
		{ImpersonatedName, "bob"},
		{ImpersonationConstraint, "c"},
		{UserAgent, "kubectl/v1 <x>"},
		{ObjectSubresource, "log"},
		{ResponseMessage, `no "such"`},
		{ResponseDetails, `{"name":"p"}`},
		{RequestObject, `{"a":[1,2,{"b":null}]}`},
		{ResponseObject, `"x"`},
	} {
		if got := string(e.Text(c.col)); got != c.want {
			t.Errorf("column %d is %q, want %q", c.col, got, c.want)
		}
	}
	if e.ints[ResponseCode] != 200 || e.ints[StageTimestamp] != 1795366763525775 {
		t.Errorf("code %d, stage timestamp %d", e.ints[ResponseCode], e.ints[StageTimestamp])
	}
}

func TestI3_ProofRefusesWhatColumnsCannotHold(t *testing.T) {
	line := strings.TrimSpace(canonicalLine)
	for name, change := range map[string][2]string{
		"trailing comma":          {`{"username":"alice"}`, `{"username":"alice",}`},
		"empty impersonated user": {`{"username":"bob","uid":"u","groups":["a","b"],"extra":{"k1":["v1","v2"],"k2":[]}}`, `{}`},
		"status metadata":         {`"metadata":{}`, `"metadata":{"a":"b"}`},
		"escaped slash":           {`/api/v1`, `\/api/v1`},
		"unescaped ampersand":     {`\u0026`, `&`},
		"upper case escape":       {`\u003c`, `\u003C`},
		"needless escape":         {`alice`, `al\u0069ce`},
		"unsorted extra":          {`"k1":["v1","v2"],"k2":[]`, `"k2":[],"k1":["v1","v2"]`},
		"equal keys":              {`"k1":["v1","v2"],"k2":[]`, `"k1":["v1","v2"],"k1":[]`},
		"leading zero":            {`"code":200`, `"code":0200`},
		"negative zero":           {`"code":200`, `"code":-0`},
		"fraction":                {`"code":200`, `"code":200.0`},
		"nanoseconds":             {`16:59:23.525775Z`, `16:59:23.525775001Z`},
		"no microseconds":         {`16:59:23.525775Z`, `16:59:23Z`},
		"30 February":             {`"stageTimestamp":"2026-11-22`, `"stageTimestamp":"2026-02-30`},
		"null body":               {`"responseObject":"x"`, `"responseObject":null`},
		"unclosed body":           {`"responseObject":"x"`, `"responseObject":["x"`},
		"wrong order":             {`"auditID":"30257bb9-7a47-4863-bd7e-936fa552dca3","stage":"ResponseComplete"`, `"stage":"ResponseComplete","auditID":"30257bb9-7a47-4863-bd7e-936fa552dca3"`},
		"other version":           {`audit.k8s.io/v1"`, `audit.k8s.io/v2"`},
		"space":                   {`"verb":"get"`, `"verb": "get"`},
		"NUL in string":           {"alice", "al\x00ce"},
		"invalid UTF-8":           {"alice", "al\xffce"},
		"encoded replacement":     {"alice", `al\ufffdce`},
		"null in groups":          {`["a","b"]`, `["a",null]`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(line, change[0], change[1], 1)
			if changed == line {
				t.Fatal("nothing changed")
			}
			var d Decoder
			var e Event
			if proven(&d, &e, []byte(changed)) {
				t.Errorf("proven: %s", changed)
			}
			checkProof(t, []byte(changed))
		})
	}
}

// TestI3_MutantsOfRealLines changes one byte at a time, at every position of a
// line and at many places of real ones.
func TestI3_MutantsOfRealLines(t *testing.T) {
	line := []byte(strings.TrimSpace(canonicalLine))
	for i := range line {
		if testing.Short() && i%8 != 0 {
			continue
		}
		for _, c := range []byte{'"', ',', '}', '\\', 0, ' ', '0', line[i] ^ 1} {
			mutant := bytes.Clone(line)
			mutant[i] = c
			checkProof(t, mutant)
		}
		checkProof(t, append(bytes.Clone(line[:i]), line[i+1:]...))
	}
	n := 0
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		if n++; len(line) == 0 || len(line) > 4000 || testing.Short() && n%3 != 0 {
			continue
		}
		for _, at := range []int{n * 7919 % len(line), n * 104729 % len(line)} {
			mutant := bytes.Clone(line)
			mutant[at] = `",}]{[:\0e`[n%10]
			checkProof(t, mutant)
		}
		checkProof(t, line)
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	var lines [][]byte
	for line := range audittest.Lines(audittest.Corpus(t, "rotated.log")) {
		if lines = append(lines, bytes.Clone(line)); len(lines) == 1000 {
			break
		}
	}
	var d Decoder
	var e Event
	var b Rebuilder
	pass := func() {
		for _, line := range lines {
			e.Release()
			if what, _ := d.Line(line, &e); what == Canonical {
				b.Proves(line, &e)
			}
		}
	}
	pass() // buffers grow, shared parts become known
	if n := testing.AllocsPerRun(5, pass); n > 0 {
		t.Errorf("%.1f allocations for %d lines, want none", n, len(lines))
	}
}

func TestPlainRunAgreesWithIsPlain(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := bytes.Repeat([]byte("a"), 20)
			b[at] = byte(c)
			want := 20
			if !isPlain(byte(c)) {
				want = at
			}
			if got := plainRun(b, 0); got != want {
				t.Fatalf("plainRun with byte %#x at %d is %d, want %d", c, at, got, want)
			}
			want = 20
			if c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
				want = at
			}
			if got := stringRun(b, 0); got != want {
				t.Fatalf("stringRun with byte %#x at %d is %d, want %d", c, at, got, want)
			}
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(strings.TrimSpace(canonicalLine)))
	f.Add([]byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"","auditID":"","stage":"","requestURI":"","verb":"","user":{},"requestReceivedTimestamp":null,"stageTimestamp":null}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') < 0 {
			checkProof(t, line)
		}
	})
}
