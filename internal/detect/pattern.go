package detect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Pattern is a test of one field: a regular expression of RE2 over the whole
// value, or its negation. "@name" stands for a list of names.yaml.
type Pattern struct {
	Not   bool
	Regex string

	list     []string // if the pattern is a list of values
	compiled *regexp.Regexp
	search   bool // anywhere in the text, not all of it
}

// alternatives is a regular expression that is nothing but a list of values.
var alternatives = regexp.MustCompile(`^[A-Za-z0-9:_/ @,{}"|-]*$`)

// listName is the name of a list in a pattern.
var listName = regexp.MustCompile(`@([a-z0-9-]+)`)

// patterns has the lists that "@name" stands for, and the expressions compiled so far: many
// detections share their long lists.
type patterns struct {
	named    map[string]List
	compiled map[string]*regexp.Regexp
}

func (p *patterns) compile(regex string) (re *regexp.Regexp, err error) {
	if p == nil {
		return regexp.Compile(regex)
	}
	if re = p.compiled[regex]; re == nil {
		if re, err = regexp.Compile(regex); err == nil {
			p.compiled[regex] = re
		}
	}
	return re, err
}

// newPattern reads a pattern; without lists it is plain text.
func newPattern(text string, search bool, lists *patterns) (p Pattern, err error) {
	p.search = search
	p.Regex, p.Not = strings.CutPrefix(text, "!")
	if lists != nil {
		named := strings.Contains(p.Regex, "@")
		p.Regex = listName.ReplaceAllStringFunc(p.Regex, func(ref string) string {
			list, ok := lists.named[ref[1:]]
			if !ok {
				err = fmt.Errorf("the list %s is not in names.yaml", ref)
			}
			return list.Pattern()
		})
		if named && !search {
			p.Regex = shorten(p.Regex)
		}
	}
	if err != nil {
		return p, err
	}
	if strings.ContainsAny(p.Regex, "`'") {
		return p, fmt.Errorf("pattern %q: quotation marks of LogQL and SQL (` and ') cannot be written", text)
	}
	whole := p.Regex
	if !search {
		whole = "^(?:" + p.Regex + ")$"
	}
	if p.compiled, err = lists.compile(whole); err != nil {
		return p, fmt.Errorf("pattern %q: %w", text, err)
	}
	if !search && alternatives.MatchString(p.Regex) {
		p.list = strings.Split(p.Regex, "|")
	}
	return p, nil
}

// accounts are how the names of service accounts begin.
const accounts = "system:serviceaccount:"

// shorten writes alternatives once, and the common part of service accounts once:
// lists contain each other, and rules are read by people.
func shorten(regex string) string {
	var out, namespaces []string
	names := make(map[string][]string) // of accounts, by namespace
	for _, a := range splitAt(regex, '|') {
		account, isAccount := strings.CutPrefix(a, accounts)
		parts := splitAt(account, ':')
		if !isAccount || len(parts) != 2 {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
			continue
		}
		namespace, name := parts[0], parts[1]
		if !slices.Contains(namespaces, namespace) {
			namespaces = append(namespaces, namespace)
		}
		if !slices.Contains(names[namespace], name) {
			names[namespace] = append(names[namespace], name)
		}
	}
	if len(namespaces) == 0 {
		return strings.Join(out, "|")
	}
	for i, n := range namespaces {
		namespaces[i] = n + ":" + alternation(names[n])
	}
	return strings.Join(append(out, accounts+alternation(namespaces)), "|")
}

func alternation(of []string) string {
	if len(of) == 1 {
		return of[0]
	}
	return "(?:" + strings.Join(of, "|") + ")"
}

// splitAt splits a regular expression at a sign that is in no group and no class.
func splitAt(regex string, sign byte) (parts []string) {
	depth, class, start := 0, false, 0
	for i := 0; i < len(regex); i++ {
		switch c := regex[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == sign && depth == 0:
			parts, start = append(parts, regex[start:i]), i+1
		}
	}
	return append(parts, regex[start:])
}

// Holds says whether a value passes the test.
func (p Pattern) Holds(value string) bool {
	if len(p.list) > 0 {
		return slices.Contains(p.list, value) != p.Not
	}
	return p.compiled.MatchString(value) != p.Not
}

// Values are the values that the pattern lists, nil if it is more than a list.
func (p Pattern) Values() []string { return p.list }

// logQL is the pattern as a filter of a label.
func (p Pattern) logQL(label string) string {
	if values := p.Values(); len(values) == 1 {
		return label + pick(p.Not, "!=", "=") + "`" + values[0] + "`"
	}
	regex := p.Regex
	if values := p.Values(); len(values) > 1 && values[0] == "" {
		// Loki 3.7.8 does not take an empty alternative for the empty text.
		regex = "(?:" + strings.Join(values[1:], "|") + ")?"
	}
	return label + pick(p.Not, "!~", "=~") + "`" + regex + "`"
}

// sql is the pattern as a condition of a column that may be null.
func (p Pattern) sql(column string) string {
	column = "COALESCE(" + column + ", '')"
	if values := p.Values(); len(values) > 0 {
		return column + pick(p.Not, " NOT", "") + " IN ('" + strings.Join(values, "', '") + "')"
	}
	return pick(p.Not, "NOT ", "") + "regexp_like(" + column + ", '" + pick(p.search, p.Regex, "^(?:"+p.Regex+")$") + "')"
}

func pick(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
