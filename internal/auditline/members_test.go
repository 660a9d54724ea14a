package auditline

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestMembersStopWhereTheLoopIsLeft(t *testing.T) {
	line := []byte(strings.TrimSpace(canonicalLine))
	damaged := bytes.Replace(line, []byte(`"user":`), []byte(`"user"}`), 1)
	var w Walker
	for name, at := range w.Members(damaged) {
		if string(name) == "verb" {
			if value := damaged[at.From:at.To]; string(value) != `"get"` {
				t.Errorf("verb is %s", value)
			}
			break
		}
	}
	if w.Whole() {
		t.Error("a walk that was left saw the whole line")
	}
	n := 0
	for range w.Members(damaged) {
		n++
	}
	if n != 7 || w.Whole() {
		t.Errorf("%d members before the damage, whole %v; want 7, false", n, w.Whole())
	}
	if n := testing.AllocsPerRun(10, func() {
		for range w.Members(line) {
			continue
		}
	}); n > 0 || !w.Whole() {
		t.Errorf("%.0f allocations, whole %v", n, w.Whole())
	}
}

// checkMembers compares a walk with encoding/json.
func checkMembers(tb testing.TB, text []byte) {
	tb.Helper()
	var w Walker
	got := map[string]string{}
	for name, at := range w.Members(text) {
		value := text[at.From:at.To]
		got[string([]rune(string(AppendUnquoted(nil, name))))] = string(value)
		if !json.Valid(value) {
			tb.Fatalf("the value of %q in %q is no JSON: %q", name, text, value)
		}
	}
	var want map[string]json.RawMessage
	isObject := json.Unmarshal(text, &want) == nil && want != nil
	if w.Whole() != isObject {
		tb.Fatalf("Whole of %q is %v, encoding/json says %v", text, w.Whole(), isObject)
	}
	if !isObject {
		return
	}
	for name, value := range want {
		if got[name] != string(value) {
			tb.Fatalf("%q of %q is %q, want %q", name, text, got[name], value)
		}
	}
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(canonicalLine))
	f.Add([]byte(" {} "))
	f.Add([]byte(`{"a" : 1 , "b":[{}] , "\u0061":"\"" } x`))
	f.Add([]byte(`{"a":1,}`))
	f.Add([]byte(`{"a:":1`))
	f.Fuzz(func(t *testing.T, text []byte) { checkMembers(t, text) })
}
