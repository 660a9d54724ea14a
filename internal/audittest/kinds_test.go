package audittest

import (
	"bytes"
	"strings"
	"testing"
)

// The short form of the corpus has every kind of line, at most twice each, in order.
func TestSomeOfEachKindKeepsEveryKind(t *testing.T) {
	for _, name := range []string{"diverse.log", "enospc.log"} {
		content, err := ReadCorpus(name)
		if err != nil {
			t.Fatal(err)
		}
		some := someOfEachKind(content, shortOfAKind)
		kinds := map[string]int{}
		rest := content
		for line := range bytes.Lines(some) {
			kinds[kindOf(line)]++
			_, after, found := bytes.Cut(rest, line)
			if !found {
				t.Fatalf("%s: not in the log after the line before it: %.200q", name, line)
			}
			rest = after
		}
		for line := range bytes.Lines(content) {
			if n := kinds[kindOf(line)]; n < 1 || n > shortOfAKind {
				t.Errorf("%s: %d lines of a kind: %.200q", name, n, line)
			}
		}
		if len(some) == 0 || len(some) > len(content)/2 {
			t.Errorf("%s: %d bytes of %d", name, len(some), len(content))
		}
	}
}

// A line of another kind is kept behind any number of others.
func TestSomeOfEachKindTellsKindsApart(t *testing.T) {
	const plain = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","verb":"get","user":{"username":"u"}}` + "\n"
	for name, other := range map[string]string{
		"level":         strings.Replace(plain, "Metadata", "Request", 1),
		"verb":          strings.Replace(plain, "get", "list", 1),
		"a field":       strings.Replace(plain, `"verb"`, `"objectRef":{"resource":"pods"},"verb"`, 1),
		"empty user":    strings.Replace(plain, `{"username":"u"}`, "{}", 1),
		"a body":        strings.Replace(plain, `"verb"`, `"requestObject":{"a":1},"verb"`, 1),
		"an escape":     strings.Replace(plain, `"u"`, `"\u003c"`, 1),
		"a quote":       strings.Replace(plain, `"u"`, `"\""`, 1),
		"a hole":        "\x00\x00" + plain,
		"torn":          plain[:50] + "\n",
		"torn and next": plain[:80] + plain,
		"no event":      "text\n",
		"no newline":    strings.TrimSuffix(plain, "\n"),
	} {
		content := strings.Repeat(strings.Replace(plain, `"a"`, `"b"`, 1), 5) + other
		want := strings.Repeat(strings.Replace(plain, `"a"`, `"b"`, 1), 2) + other
		if got := string(someOfEachKind([]byte(content), 2)); got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
