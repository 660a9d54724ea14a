package auditline

import (
	"strings"
	"testing"
)

// FuzzQuoted compares our strings with encoding/json's.
func FuzzQuoted(f *testing.F) {
	f.Add("a<b>&\"\\\u2028\x01\x7f\u00e9")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "\ufffd")
		want := jsonString(t, s)
		got := string(appendQuoted(nil, []byte(s)))
		if got != want {
			t.Fatalf("%q is quoted as %s, want %s", s, got, want)
		}
		for cut := range len(want) + 1 {
			// The comparison with a line takes it whole, and no other.
			b := Rebuilder{want: []byte(want[:cut] + "x"), comparing: true}
			b.quoted([]byte(s))
			if took := !b.differs && string(b.want) == "x"; took != (cut == len(want)) {
				t.Fatalf("compared with %q, %q counts as the same: %v", want[:cut], s, took)
			}
		}
		if back := string(AppendUnquoted(nil, []byte(got[1:len(got)-1]))); back != s {
			t.Fatalf("%s is unquoted as %q, want %q", got, back, s)
		}
	})
}
