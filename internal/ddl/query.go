package ddl

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/auditsidecar/auditsidecar/manifests"
)

// Query is an investigation of manifests/queries. Its text is valid in every engine as it is.
type Query struct {
	Number, Name string // of the file NUMBER-NAME.sql
	Answers      string
	Params       []Param // the literals that its comments name
	text         string
}

// Param is a value to change in a query: a literal that stands for it.
type Param struct{ Name, Example string }

// momentLayout is the form of a time in the queries, in UTC.
const momentLayout = "2006-01-02 15:04:05"

var changeable = regexp.MustCompile(`([a-z-]+) '([^']+)'`)

// Queries returns the queries of the binary, in the order of their numbers.
func Queries() (all []Query, err error) {
	from, err := manifests.Queries()
	if err != nil {
		return nil, fmt.Errorf("read the queries: %w", err)
	}
	names, err := fs.Glob(from, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("read the queries: %w", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("read the queries: %w", err)
		}
		q := Query{text: string(text)}
		q.Number, q.Name, _ = strings.Cut(strings.TrimSuffix(name, ".sql"), "-")
		for line := range strings.Lines(q.text) {
			if answers, ok := strings.CutPrefix(line, "-- Answers: "); ok {
				q.Answers = strings.TrimSpace(answers)
			}
			if change, ok := strings.CutPrefix(line, "-- Change: "); ok {
				for _, m := range changeable.FindAllStringSubmatch(change, -1) {
					q.Params = append(q.Params, Param{m[1], m[2]})
				}
			}
		}
		all = append(all, q)
	}
	return all, nil
}

// Is reports whether the query has a name: NAME, NUMBER or NUMBER-NAME.
func (q Query) Is(name string) bool {
	return name == q.Name || name == q.Number || name == q.Number+"-"+q.Name
}

// Without returns the parameters that have no value.
func (q Query) Without(values map[string]string) []Param {
	return slices.DeleteFunc(slices.Clone(q.Params), func(p Param) bool { return values[p.Name] != "" })
}

// Fill returns the query in the words of an engine, over the tables of a database, with values in
// place of the examples; a parameter without a value keeps its example.
func (q Query) Fill(engine, database string, values map[string]string) (string, error) {
	var errs []error
	for name := range values {
		if !slices.ContainsFunc(q.Params, func(p Param) bool { return p.Name == name }) {
			errs = append(errs, fmt.Errorf("--param %s: the query %s has %s", name, q.Name, Describe(q.Params)))
		}
	}
	replace := []string{"audit.audit", database + ".audit"}
	for _, p := range q.Params {
		value, ok := values[p.Name]
		if !ok {
			continue
		}
		value, err := p.value(value)
		errs = append(errs, err)
		replace = append(replace, "'"+p.Example+"'", literal(engine, value))
	}
	return strings.NewReplacer(replace...).Replace(q.text), errors.Join(errs...)
}

// value returns a value in the form of the example.
func (p Param) value(text string) (string, error) {
	wrong := func(want string) error { return fmt.Errorf("--param %s=%q: expected %s", p.Name, text, want) }
	if text == "" || strings.ContainsFunc(text, unicode.IsControl) {
		return "", wrong("some text without control characters")
	}
	if _, err := time.Parse(time.DateOnly, p.Example); err == nil {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return "", wrong("a day such as " + p.Example)
		}
	}
	if _, err := time.Parse(momentLayout, p.Example); err == nil {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			at, err = time.Parse(momentLayout, text)
		}
		if err != nil {
			return "", wrong("a time in UTC such as " + p.Example)
		}
		return at.UTC().Format(momentLayout), nil
	}
	return text, nil
}

// literal is a text in the SQL of an engine. Spark alone reads a backslash as an escape.
func literal(engine, text string) string {
	if engine == "spark" {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// Describe lists parameters with their examples.
func Describe(params []Param) string {
	var all []string
	for _, p := range params {
		all = append(all, fmt.Sprintf("%s '%s'", p.Name, p.Example))
	}
	return strings.Join(all, ", ")
}
