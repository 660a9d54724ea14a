package detect

import (
	"regexp"
	"testing"
)

func TestShorten(t *testing.T) {
	for given, want := range map[string]string{
		"a|b|a":                        "a|b",
		"(?:a|b)c|d":                   "(?:a|b)c|d",
		"|exec":                        "|exec",
		"[a|b]|c":                      "[a|b]|c",
		`a\|b|c`:                       `a\|b|c`,
		"system:serviceaccount:a:b":    "system:serviceaccount:a:b",
		"system:serviceaccount:.+|eve": "system:serviceaccount:.+|eve",
		"system:serviceaccount:a:b|eve|system:serviceaccount:a:(?:c|b)|system:serviceaccount:(?:d|e):f": "eve|system:serviceaccount:(?:a:(?:b|(?:c|b))|(?:d|e):f)",
		"system:serviceaccount:a:(?:b|c)-d|system:serviceaccount:a:(?:e|f)(?:g|h)":                      "system:serviceaccount:a:(?:(?:b|c)-d|(?:e|f)(?:g|h))",
	} {
		if got := shorten(given); got != want {
			t.Errorf("%s becomes %s, want %s", given, got, want)
		}
	}
}

// beyond are forms that no list has: flags, quotes, and signs in classes that end them.
var beyond = regexp.MustCompile(`[(][?][^:]|\\Q|\[\^?\]|\[:`)

// A short pattern takes the same texts as the long one.
func FuzzShorten(f *testing.F) {
	f.Add("system:serviceaccount:a:b|system:serviceaccount:(?:a|c):[a-z]+|d", "system:serviceaccount:c:x")
	f.Add("|a|(?:b|c", "b")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if beyond.MatchString(pattern) {
			return
		}
		long, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return
		}
		short, err := regexp.Compile("^(?:" + shorten(pattern) + ")$")
		if err != nil || long.MatchString(value) != short.MatchString(value) {
			t.Errorf("%q on %q: %v", pattern, value, err)
		}
	})
}
