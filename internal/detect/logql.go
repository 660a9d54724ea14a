package detect

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultJob is the label job of the streams that rules read.
const DefaultJob = "audit"

// Rule returns the detection as an expression of LogQL, "" for one that is SQL only.
func (d *Detection) Rule(job string, allow Allow) string {
	if job == "" {
		job = DefaultJob
	}
	selector := fmt.Sprintf("{job=%q}", job)
	if d.LogQL != "" {
		return strings.ReplaceAll(strings.TrimSpace(d.LogQL), `{job="audit"}`, selector)
	}
	var parts []string
	except := slices.Concat(d.Except, allow.Conditions(d.Alert))
	for _, together := range d.queries() {
		counted := fmt.Sprintf("count_over_time(%s%s [%s])", selector, pipeline(together, except), d.Window.Text())
		by := strings.Join(append([]string{"cluster"}, logLabels(d.By)...), ", ")
		if len(d.Distinct) > 0 {
			counted = fmt.Sprintf("count by (%s) (sum by (%s, %s) (%s)) > %d", by, by, strings.Join(logLabels(d.Distinct), ", "), counted, d.Above)
		} else {
			counted = fmt.Sprintf("sum by (%s) (%s) > %d", by, counted, d.Above)
		}
		parts = append(parts, counted)
	}
	return strings.Join(parts, " or ")
}

func logLabels(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		f, _ := fieldNamed(name)
		all[i] = f.label
	}
	return all
}

// queries are the conditions that one query can test: all those on labels together,
// each that searches the line alone.
func (d *Detection) queries() (all [][]Condition) {
	var labels []Condition
	for _, c := range d.When {
		if c.has(fieldFind) || c.has(fieldStub) || c.has(fieldBody) {
			all = append(all, []Condition{c})
		} else {
			labels = append(labels, c)
		}
	}
	if len(labels) > 0 {
		all = append(all, labels)
	}
	return all
}

// filters are the stages of a query in the order in which they must run.
type filters struct {
	meta, text, excepted, parsed []string
	paths                        []string // fields that json must read
	own                          bool     // the label own is needed
}

// use notes the needs of a field and reports whether only json or label_format give it.
func (q *filters) use(f field) bool {
	q.own = q.own || f.name == fieldOwn
	if path := fmt.Sprintf(`%s="%s"`, f.label, f.path); f.parsed() && !slices.Contains(q.paths, path) {
		q.paths = append(q.paths, path)
	}
	return f.parsed() || f.name == fieldOwn
}

// tests are those of a condition by metadata, and by parsed fields.
func (q *filters) tests(c Condition) (meta, parsed []string) {
	for _, f := range fields() {
		p, ok := c[f.name]
		switch {
		case !ok:
		case q.use(f):
			parsed = append(parsed, p.logQL(f.label))
		default:
			meta = append(meta, p.logQL(f.label))
		}
	}
	return meta, parsed
}

// when adds the tests of conditions of which one must hold.
func (q *filters) when(conditions []Condition) {
	meta, both := make([][]string, len(conditions)), make([][]string, len(conditions))
	late := false
	for i, c := range conditions {
		m, parsed := q.tests(c)
		late = late || len(parsed) > 0
		meta[i], both[i] = m, slices.Concat(m, parsed)
	}
	q.meta = anyOf(meta)
	if late {
		q.parsed = slices.DeleteFunc(anyOf(both), func(stage string) bool { return slices.Contains(q.meta, stage) })
	}
	for _, name := range []string{fieldFind, fieldStub, fieldBody} {
		if p, ok := conditions[0][name]; ok {
			q.text = append(q.text, "|~ `"+p.Regex+"`")
		}
	}
}

// anyOf are stages that hold if all tests of one of the alternatives do: first the
// tests that all share.
func anyOf(alternatives [][]string) (stages []string) {
	shared := func(test string) bool {
		return !slices.ContainsFunc(alternatives, func(tests []string) bool { return !slices.Contains(tests, test) })
	}
	var or []string
	for _, tests := range alternatives {
		var own []string
		for _, test := range tests {
			switch {
			case !shared(test):
				own = append(own, test)
			case !slices.Contains(stages, test):
				stages = append(stages, test)
			}
		}
		if len(own) == 0 {
			return stages
		}
		or = append(or, "("+strings.Join(own, " and ")+")")
	}
	return append(stages, strings.Join(or, " or "))
}

// except adds that an exception does not hold, as far as it can for the conditions.
func (q *filters) except(e Condition, conditions []Condition) {
	if !slices.ContainsFunc(conditions, func(c Condition) bool { return !c.excludes(e) }) {
		return
	}
	var tests []string
	late := false
	for _, f := range fields() {
		p, ok := e[f.name]
		if !ok || !slices.ContainsFunc(conditions, func(c Condition) bool { return !c.implies(f.name, p) }) {
			continue
		}
		late = q.use(f) || late
		p.Not = !p.Not
		tests = append(tests, p.logQL(f.label))
	}
	if late {
		q.parsed = append(q.parsed, strings.Join(tests, " or "))
	} else {
		q.excepted = append(q.excepted, strings.Join(tests, " or "))
	}
}

// pipeline filters the lines for which one of the conditions holds: by metadata, by
// text, and by fields parsed of the few remaining lines.
func pipeline(conditions, except []Condition) string {
	var q filters
	q.when(conditions)
	for _, e := range except {
		q.except(e, conditions)
	}
	var out strings.Builder
	write := func(stages []string, prefix string) {
		for _, s := range stages {
			out.WriteString(" " + prefix + s)
		}
	}
	write(q.meta, "| ")
	write(q.text, "") // before long lists of accounts: most lines end here
	write(q.excepted, "| ")
	if q.own {
		out.WriteString(" | label_format own=\"" + ownTemplate + "\"")
	}
	if len(q.paths) > 0 {
		slices.Sort(q.paths)
		// A line that is not JSON keeps no rule from being evaluated.
		out.WriteString(" | json " + strings.Join(q.paths, ", ") + " | drop __error__, __error_details__")
	}
	write(q.parsed, "| ")
	return out.String()
}

// ownTemplate computes the field own.
const ownTemplate = `{{if .namespace}}{{$n := printf \"system:serviceaccount:%s:\" .namespace}}{{if eq .user (printf \"%s%s\" $n .name)}}account{{else if hasPrefix $n .user}}namespace{{end}}{{end}}`

// implies reports whether every event of the condition passes a test, as far as both
// are lists of values.
func (c Condition) implies(name string, p Pattern) bool {
	mine, ok := c[name]
	if !ok || mine.Not || len(mine.Values()) == 0 {
		return false
	}
	return !slices.ContainsFunc(mine.Values(), func(v string) bool { return !p.Holds(v) })
}

// excludes reports whether no event of the condition can be of the exception.
func (c Condition) excludes(e Condition) bool {
	for name, p := range e {
		mine, ok := c[name]
		if ok && !mine.Not && len(mine.Values()) > 0 && !slices.ContainsFunc(mine.Values(), p.Holds) {
			return true
		}
	}
	return false
}
