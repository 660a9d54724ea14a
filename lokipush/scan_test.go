package lokipush

import (
	"strings"
	"testing"
)

// TestClosing has strings of every length around the steps in which closingPlain
// looks, with something remarkable at every place in them.
func TestClosing(t *testing.T) {
	tests := []struct {
		name, mark string
		plain      bool
	}{
		{"nothing", "", true},
		{"an escaped quote", `\"`, false},
		{"an escaped backslash", `\\`, false},
		{"not ASCII", "\xc3\xa4", false},
		{"the neighbours of a quote", "!#", true},
		{"the neighbours of a backslash", "[]", true},
		{"control characters", "\x00\x01", true},
	}
	for _, test := range tests {
		for length := range 2 * shortText {
			for at := range length + 1 {
				text := strings.Repeat("x", at) + test.mark + strings.Repeat("x", length-at)
				for _, rest := range []string{`"`, `","verb":"get"}`} {
					end, plain := closingPlain([]byte(`{"`+text+rest), 2, shortText)
					// Where the last step of eight bytes is whole and not beyond shortText.
					short := len(text) < shortText-8 && len(text)+len(rest) >= len(text)+8-len(text)%8
					if end != 2+len(text) || plain && !test.plain || short && plain != test.plain {
						t.Fatalf("%s at %d of %d, then %s: end %d, plain %v", test.name, at, length, rest, end, plain)
					}
				}
				if end, _ := closingPlain([]byte(`{"`+text), 2, shortText); end != -1 {
					t.Fatalf("%s at %d of %d, not closed: end %d", test.name, at, length, end)
				}
			}
		}
	}
	for _, text := range []string{`"`, `"\`, `"\"`, `"\\\"`} {
		if end := closing([]byte(text), 1); end != -1 {
			t.Errorf("%s: end %d", text, end)
		}
	}
}
