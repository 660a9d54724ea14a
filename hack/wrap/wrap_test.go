package wrap

import (
	"slices"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("word ", 30)) // 149 characters
	twenty := strings.TrimSpace(strings.Repeat("word ", 20))
	for name, test := range map[string]struct{ in, want string }{
		"short":        {"a b\nc\n", "a b\nc\n"},
		"paragraph":    {words, twenty + "\n" + strings.TrimSpace(strings.Repeat("word ", 10))},
		"item":         {"- " + words + "\n- x", "- " + strings.TrimSpace(strings.Repeat("word ", 19)) + "\n  " + strings.TrimSpace(strings.Repeat("word ", 11)) + "\n- x"},
		"table":        {"| " + words + " |", "| " + words + " |"},
		"code":         {"```\n" + words + "\n```", "```\n" + words + "\n```"},
		"heading":      {"# " + words, "# " + words},
		"one word":     {strings.Repeat("x", 150), strings.Repeat("x", 150)},
		"hard break":   {words + "  \nx", words + "  \nx"},
		"not an item":  {twenty + " - " + twenty, twenty + " -\n" + twenty},
		"a code span":  {twenty + " `a b c d`", twenty + "\n`a b c d`"},
		"two of these": {words + "\n\n" + words, twenty + "\n" + strings.TrimSpace(strings.Repeat("word ", 10)) + "\n\n" + twenty + "\n" + strings.TrimSpace(strings.Repeat("word ", 10))},
	} {
		if got := Markdown(test.in); got != test.want {
			t.Errorf("%s:\n%q\nwant\n%q", name, got, test.want)
		}
		if got := Long(Markdown(test.in)); len(got) > 0 {
			t.Errorf("%s: lines %v are long after wrapping", name, got)
		}
	}
	if got := Long("x\n\n" + words + "\n\n- " + words); !slices.Equal(got, []int{3, 5}) {
		t.Errorf("long lines %v", got)
	}
}
