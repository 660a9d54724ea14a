package auditline

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// withUnknown is the canonical line with a change.
func withUnknown(tb testing.TB, old, changed string) []byte {
	tb.Helper()
	line := strings.Replace(strings.TrimSpace(canonicalLine), old, changed, 1)
	if line == strings.TrimSpace(canonicalLine) {
		tb.Fatalf("nothing changed: %s is not there", old)
	}
	return []byte(line)
}

// TestI3_UnknownFieldsNeedNoRaw has fields that a later kube-apiserver may add, in every
// kind of position, and the expected column.
func TestI3_UnknownFieldsNeedNoRaw(t *testing.T) {
	for name, c := range map[string]struct{ old, changed, want string }{
		"in the middle":        {`"verb":"get"`, `"verb":"get","tenant":"team-a"`, `{"verb":null,"tenant":"team-a"}`},
		"two":                  {`"verb":"get"`, `"verb":"get","a":1,"b":[true,{"c":null}]`, `{"verb":null,"a":1,"b":[true,{"c":null}]}`},
		"null":                 {`"verb":"get"`, `"verb":"get","tenant":null`, `{"verb":null,"tenant":null}`},
		"an object":            {`"verb":"get"`, `"verb":"get","tenant":{"name":"a","verb":"b"}`, `{"verb":null,"tenant":{"name":"a","verb":"b"}}`},
		"spaces in its value":  {`"verb":"get"`, `"verb":"get","tenant":{ "a" : 1 }`, `{"verb":null,"tenant":{ "a" : 1 }}`},
		"not ASCII":            {`"verb":"get"`, `"verb":"get","tenant":"é\u003c\/"`, `{"verb":null,"tenant":"é\u003c\/"}`},
		"at the end":           {`"authorization.k8s.io/reason":""}}`, `"authorization.k8s.io/reason":""},"z":0}`, `{"annotations":null,"z":0}`},
		"behind a body":        {`"responseObject":"x"`, `"responseObject":"x","oldObject":{}`, `{"responseObject":null,"oldObject":{}}`},
		"before the bodies":    {`"requestObject":`, `"diff":{},"requestObject":`, `{"responseStatus":null,"diff":{}}`},
		"at the beginning":     {`{"kind"`, `{"x":1,"kind"`, `{"x":1}`},
		"first in user":        {`{"username":"alice"}`, `{"region":"b","username":"alice"}`, `{"user":{"region":"b"}}`},
		"last in user":         {`{"username":"alice"}`, `{"username":"alice","region":"b"}`, `{"user":{"username":null,"region":"b"}}`},
		"alone in user":        {`{"username":"alice"}`, `{"region":"b"}`, `{"user":{"region":"b"}}`},
		"in user and behind":   {`{"username":"alice"}`, `{"username":"alice","r":1},"s":2`, `{"user":{"username":null,"r":1},"s":2}`},
		"in impersonated user": {`"uid":"u"`, `"uid":"u","n":1`, `{"impersonatedUser":{"uid":null,"n":1}}`},
		"in objectRef":         {`"namespace":"n"`, `"namespace":"n","shard":3`, `{"objectRef":{"namespace":null,"shard":3}}`},
		"first in objectRef":   {`"objectRef":{`, `"objectRef":{"shard":3,`, `{"objectRef":{"shard":3}}`},
		"in responseStatus":    {`"metadata":{}`, `"metadata":{},"kind":"Status"`, `{"responseStatus":{"metadata":null,"kind":"Status"}}`},
		"beside a constraint":  {`"impersonationConstraint":"c"`, `"impersonationConstraint":"c","p":{}`, `{"authenticationMetadata":{"impersonationConstraint":null,"p":{}}}`},
		"for a constraint":     {`"impersonationConstraint":"c"`, `"p":{}`, `{"impersonatedUser":null,"authenticationMetadata":{"p":{}}}`},
		"of a known name":      {`"authenticationMetadata":{"impersonationConstraint":"c"}`, `"username":"x"`, `{"impersonatedUser":null,"username":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			line := withUnknown(t, c.old, c.changed)
			var d Decoder
			var e Event
			if !proven(&d, &e, line) {
				t.Fatalf("not proven: %s", line)
			}
			if got := string(e.Unknown); got != c.want {
				t.Errorf("the column is %s, want %s", got, c.want)
			}
			checkProof(t, line)
		})
	}
}

// A line that cannot be rebuilt exactly, or not by every reader, keeps raw.
func TestI3_UnknownFieldsThatKeepRaw(t *testing.T) {
	for name, c := range map[string][2]string{
		"twice a known one":        {`"verb":"get"`, `"verb":"get","x":1,"verb":"list"`},
		"known in another order":   {`"verb":"get",`, `"x":1,"user":{},"verb":"get",`},
		"invalid UTF-8":            {`"verb":"get"`, "\"verb\":\"get\",\"x\":\"\xff\""},
		"a name in escapes":        {`"verb":"get"`, `"verb":"get","v\u0065rb":1`},
		"a space behind the colon": {`"verb":"get"`, `"verb":"get","x": 1`},
		"a space behind the value": {`"verb":"get"`, `"verb":"get","x":1 `},
		"no value":                 {`"verb":"get"`, `"verb":"get","x":`},
		"too long":                 {`"verb":"get"`, `"verb":"get","x":"` + strings.Repeat("y", maxWoven) + `"`},
		"a null body":              {`"responseObject":"x"`, `"responseObject":null,"x":1`},
		"invalid UTF-8 in a body":  {`"responseObject":"x"`, "\"responseObject\":\"\xff\",\"x\":1"},
		"no objectRef":             {`"resource":"pods","namespace":"n","name":"p","uid":"o","apiGroup":"g","apiVersion":"v1","resourceVersion":"12","subresource":"log"}`, `"resource":1},"x":1`},
	} {
		t.Run(name, func(t *testing.T) {
			line := withUnknown(t, c[0], c[1])
			var d Decoder
			var e Event
			if proven(&d, &e, line) {
				t.Errorf("proven: %.200s", line)
			}
		})
	}
}

// An object that comes twice counts with its last value, whatever of it is known.
func TestTheLastOfTwoObjectsCounts(t *testing.T) {
	line := strings.TrimSuffix(strings.TrimSpace(canonicalLine), "}")
	for name, c := range map[string]struct {
		again  string
		column Field
		want   string
	}{
		"an empty objectRef":      {`"objectRef":{}`, ObjectName, ""},
		"an unknown objectRef":    {`"objectRef":{"x":1}`, ObjectName, ""},
		"no objectRef":            {`"objectRef":null`, ObjectName, ""},
		"another objectRef":       {`"objectRef":{"name":"z"}`, ObjectName, "z"},
		"three":                   {`"objectRef":{"x":1},"objectRef":{"name":"z"}`, ObjectName, "z"},
		"an empty status":         {`"responseStatus":{}`, ResponseMessage, ""},
		"an empty impersonation":  {`"impersonatedUser":{}`, ImpersonatedName, ""},
		"an unknown constraint":   {`"authenticationMetadata":{"x":1}`, ImpersonationConstraint, ""},
		"an unknown user":         {`"user":{"region":"b"}`, UserName, ""},
		"an object and a body":    {`"x":1,"requestObject":2`, RequestObject, "2"},
		"two that were not there": {`"a":{},"a":{}`, ObjectName, "p"},
	} {
		t.Run(name, func(t *testing.T) {
			twice := []byte(line + "," + c.again + "}")
			checkProof(t, twice)
			var d Decoder
			var e Event
			d.Line(twice, &e)
			if got := string(e.Text(c.column)); got != c.want {
				t.Errorf("the column is %q, want %q", got, c.want)
			}
		})
	}
	before := strings.Replace(line, `"objectRef":{`, `"objectRef":{"x":1},"objectRef":{`, 1) + "}"
	checkProof(t, []byte(before))
}

// checkUnknown compares the column with the fields that encoding/json finds in the line.
func checkUnknown(tb testing.TB, line []byte, e *Event) {
	tb.Helper()
	column := e.Unknown
	if column == nil {
		return
	}
	var fields, unknown map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		tb.Fatalf("%v: %q", err, line)
	}
	if err := json.Unmarshal(column, &unknown); err != nil {
		tb.Fatalf("the column is no JSON object: %v: %q", err, column)
	}
	checkUnknownIn(tb, fields, unknown, eventMembers)
}

// checkUnknownIn has the members of one object: every unknown one is in the
// column as it is, and a known one is null or an object with unknown ones.
func checkUnknownIn(tb testing.TB, fields, unknown map[string]json.RawMessage, all []member) {
	tb.Helper()
	for name, value := range fields {
		m := memberOf(all, []byte(name))
		known := m != nil
		got, there := unknown[name]
		switch {
		case !known && (!there || !bytes.Equal(got, value)):
			tb.Fatalf("the unknown %q is %s in the line and %s in the column", name, value, got)
		case known && there && string(got) != "null":
			var a, b map[string]json.RawMessage
			if m.of == nil || json.Unmarshal(value, &a) != nil || json.Unmarshal(got, &b) != nil {
				tb.Fatalf("the known %q is in the column, as %s", name, got)
			}
			checkUnknownIn(tb, a, b, m.of)
		}
	}
	for name := range unknown {
		if _, there := fields[name]; !there {
			tb.Fatalf("the column has %q, the line does not", name)
		}
	}
}

// TestI3_UnknownFieldsInRealLines puts a member at a position of every real line:
// wherever a comma separates two of them, in a body too.
func TestI3_UnknownFieldsInRealLines(t *testing.T) {
	var d Decoder
	var e Event
	n, tried, took := 0, 0, 0
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		if n++; len(line) == 0 || len(line) > 20000 || !proven(&d, &e, line) {
			continue
		}
		at := n * 7919 % len(line)
		for k, sep := range []string{`,"`, `{"`, `},"`} {
			if testing.Short() && k != n%3 {
				continue
			}
			i := bytes.Index(line[at:], []byte(sep))
			if i < 0 {
				continue
			}
			i += at + len(sep) - 1
			tried++
			changed := slices.Concat(line[:i], []byte(`"tenant":{"a":[1,"b"]},`), line[i:])
			checkProof(t, changed)
			if proven(&d, &e, changed) && e.Unknown != nil {
				took++
			}
		}
	}
	if took < tried/4 || tried < n/2 {
		t.Errorf("%d of %d changed lines have unknown fields, want more", took, tried)
	}
}

func TestExtendedAllocatesNothing(t *testing.T) {
	var lines [][]byte
	for line := range audittest.Lines(audittest.Corpus(t, "rotated.log")) {
		if lines = append(lines, bytes.Replace(line, []byte(`,"user":{`), []byte(`,"tenant":"a","user":{`), 1)); len(lines) == 1000 {
			break
		}
	}
	var d Decoder
	var e Event
	var b Rebuilder
	proofs := 0
	pass := func() {
		for _, line := range lines {
			e.Release()
			if what, _ := d.Line(line, &e); what == Canonical && b.Proves(line, &e) {
				proofs++
			}
		}
	}
	pass() // buffers grow, shared parts become known
	if n := testing.AllocsPerRun(5, pass); n > 0 {
		t.Errorf("%.1f allocations for %d lines, want none", n, len(lines))
	}
	if proofs != 7*len(lines) {
		t.Errorf("%d of %d proven", proofs, 7*len(lines))
	}
}

// FuzzUnknown puts any text anywhere into a line, and damages the column that
// comes of it: restoring must not fail in any other way than by other bytes.
func FuzzUnknown(f *testing.F) {
	line := strings.TrimSpace(canonicalLine)
	f.Add(strings.Index(line, `"user"`), `"tenant":"a",`, 3, byte(1))
	f.Add(strings.Index(line, `"username"`), `"region":{"a":null},`, 9, byte(0x22))
	f.Add(len(line)-1, `,"z":[]`, 0, byte(0))
	f.Fuzz(func(t *testing.T, at int, text string, damaged int, x byte) {
		if strings.Contains(text, "\n") {
			return
		}
		i := int(uint(at) % uint(len(line)))
		changed := []byte(line[:i] + text + line[i:])
		checkProof(t, changed)
		var d Decoder
		var e Event
		if d.extended(changed, &e); e.Unknown == nil {
			return
		}
		column := bytes.Clone(e.Unknown)
		column[uint(damaged)%uint(len(column))] ^= x
		e.Unknown = column
		var b Rebuilder
		b.Append(nil, &e)
	})
}
