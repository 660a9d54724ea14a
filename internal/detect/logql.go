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
	parts := make([]string, len(d.When))
	except := slices.Concat(d.Except, allow.conditions(d.Alert))
	for i, c := range d.When {
		counted := fmt.Sprintf("count_over_time(%s%s [%s])", selector, pipeline(c, except), d.Window.text())
		by := strings.Join(append([]string{"cluster"}, logLabels(d.By)...), ", ")
		if len(d.Distinct) > 0 {
			parts[i] = fmt.Sprintf("count by (%s) (sum by (%s, %s) (%s)) > %d", by, by, strings.Join(logLabels(d.Distinct), ", "), counted, d.Above)
		} else {
			parts[i] = fmt.Sprintf("sum by (%s) (%s) > %d", by, counted, d.Above)
		}
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

// pipeline filters the lines of one condition: by metadata, by text, and by what is
// parsed of the few lines that are left.
func pipeline(c Condition, except []Condition) string {
	except = slices.DeleteFunc(slices.Clone(except), func(e Condition) bool { return c.excludes(e) })
	var meta, text, excepted, parsed []string
	var paths []string
	ownNeeded := false
	use := func(f field) {
		ownNeeded = ownNeeded || f.name == fieldOwn
		if path := fmt.Sprintf(`%s="%s"`, f.label, f.path); f.parsed() && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	for _, f := range fields() {
		p, ok := c[f.name]
		if !ok {
			continue
		}
		use(f)
		if f.parsed() || f.name == fieldOwn {
			parsed = append(parsed, p.logQL(f.label))
		} else {
			meta = append(meta, p.logQL(f.label))
		}
	}
	for _, name := range []string{fieldFind, fieldStub, fieldBody} {
		if p, ok := c[name]; ok {
			text = append(text, "|~ `"+p.Regex+"`")
		}
	}
	for _, e := range except {
		var tests []string
		late := false
		for _, f := range fields() {
			p, ok := e[f.name]
			if !ok || c.implies(f.name, p) {
				continue
			}
			use(f)
			late = late || f.parsed() || f.name == fieldOwn
			p.Not = !p.Not
			tests = append(tests, p.logQL(f.label))
		}
		if late {
			parsed = append(parsed, strings.Join(tests, " or "))
		} else {
			excepted = append(excepted, strings.Join(tests, " or "))
		}
	}
	var out strings.Builder
	write := func(stages []string, prefix string) {
		for _, s := range stages {
			out.WriteString(" " + prefix + s)
		}
	}
	write(meta, "| ")
	write(text, "") // before long lists of accounts: most lines end here
	write(excepted, "| ")
	if ownNeeded {
		out.WriteString(" | label_format own=\"" + ownTemplate + "\"")
	}
	if len(paths) > 0 {
		slices.Sort(paths)
		// A line that is not JSON keeps no rule from being evaluated.
		out.WriteString(" | json " + strings.Join(paths, ", ") + " | drop __error__, __error_details__")
	}
	write(parsed, "| ")
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
