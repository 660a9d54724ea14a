// Package wrap breaks the lines of Markdown: paragraphs and list items at 100 characters. Code, tables,
// headings, HTML and lines without a blank to break at stay as they are.
package wrap

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Width is how long a line may be, in characters.
const Width = 100

var (
	fence   = regexp.MustCompile("^\\s*(```|~~~)")
	special = regexp.MustCompile(`^(\s*(\||#|<|!\[|\[[^\]]+\]: |---|!!!|\?\?\?)|\s*$)`)
	marker  = regexp.MustCompile(`^\s*([-*+>]|\d+\.)\s+`)
	// starts must not begin a line that is the middle of a paragraph.
	starts = regexp.MustCompile(`^([-*+>#|]|\d+\.$|[-*+]$)`)
)

// Markdown returns a document with its long paragraphs broken again.
func Markdown(text string) string {
	var out []string
	for _, b := range blocks(strings.Split(text, "\n")) {
		if b.prose && b.long() {
			b.lines = b.wrap()
		}
		out = append(out, b.lines...)
	}
	return strings.Join(out, "\n")
}

// Long returns the numbers, from 1, of the lines that Markdown would break.
func Long(text string) (numbers []int) {
	n := 0
	for _, b := range blocks(strings.Split(text, "\n")) {
		if b.prose && b.long() && strings.Join(b.lines, "\n") != strings.Join(b.wrap(), "\n") {
			numbers = append(numbers, n+1)
		}
		n += len(b.lines)
	}
	return numbers
}

// block is a paragraph, a list item, or a line that stays as it is.
type block struct {
	lines []string
	prose bool
}

func blocks(lines []string) (all []block) {
	code, open := false, false // within a fence; the last block may take more lines
	for i, l := range lines {
		front := lines[0] == "---" && i > 0 && i < 20 && !strings.Contains(strings.Join(lines[:i], "\n")[3:], "\n---")
		switch {
		case fence.MatchString(l):
			code, open = !code, false
		case code || front || special.MatchString(l) || !open && strings.HasPrefix(l, "    "):
			open = false
		case open && !marker.MatchString(l):
			b := &all[len(all)-1]
			b.lines = append(b.lines, l)
			continue
		default:
			open = true
		}
		all = append(all, block{[]string{l}, open})
	}
	return all
}

func (b *block) long() bool {
	for _, l := range b.lines {
		if strings.HasSuffix(l, "  ") || strings.HasSuffix(l, "\\") {
			return false // the break has a meaning
		}
	}
	for _, l := range b.lines {
		if utf8.RuneCountInString(l) > Width {
			return true
		}
	}
	return false
}

func (b *block) wrap() (lines []string) {
	first := marker.FindString(b.lines[0])
	if first == "" {
		first = b.lines[0][:len(b.lines[0])-len(strings.TrimLeft(b.lines[0], " "))]
	}
	indent := strings.Repeat(" ", utf8.RuneCountInString(first))
	if strings.HasPrefix(strings.TrimSpace(first), ">") {
		indent = first
	}
	words := spans(strings.Fields(strings.TrimPrefix(strings.Join(b.lines, " "), first)))
	line := first
	for i, w := range words {
		switch {
		case i == 0:
			line += w
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > Width && !starts.MatchString(w):
			lines, line = append(lines, line), indent+w
		default:
			line += " " + w
		}
	}
	return append(lines, line)
}

// spans joins the words of a code span, which stays on one line so that it can be copied.
func spans(words []string) (joined []string) {
	open := false
	for _, w := range words {
		if open {
			joined[len(joined)-1] += " " + w
		} else {
			joined = append(joined, w)
		}
		open = strings.Count(joined[len(joined)-1], "`")%2 == 1 && utf8.RuneCountInString(joined[len(joined)-1]) < Width
	}
	return joined
}
