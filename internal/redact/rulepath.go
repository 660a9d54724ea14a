package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// compile makes the rule that is looked for in events.
func (own *Rule) compile() (rule, error) {
	u := rule{name: own.Name, group: own.Group, resource: own.Resource, subresource: own.Subresource}
	var errs []error
	if own.Name == "" {
		errs = append(errs, errors.New("it has no name"))
	}
	if own.Resource == nil || *own.Resource == "" {
		errs = append(errs, errors.New(`it has no resource; "*" is all of them`))
	} else if *own.Resource == "*" {
		u.resource = nil
	}
	if len(own.Paths) == 0 {
		errs = append(errs, errors.New("it has no paths"))
	}
	for _, path := range own.Paths {
		if err := u.add(path, own.Whole); err != nil {
			errs = append(errs, fmt.Errorf("path %q: %w", path, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return rule{}, fmt.Errorf("rule %q: %w", own.Name, err)
	}
	for _, p := range []part{partRequest, partResponse} {
		if u.roots[p] != nil {
			asList(u.roots[p])
		}
	}
	return u, nil
}

// canonical is the rule in the policy's hash.
func (own *Rule) canonical() []byte {
	text, _ := json.Marshal(own) // of strings: never fails
	return text
}

// add makes the positions of one path, from the end to the root.
func (u *rule) add(path string, whole bool) error {
	segments, err := parsePath(path)
	if err != nil {
		return err
	}
	names := partNames()
	p := part(slices.Index(names[:], segments[0].name))
	switch {
	case p < 0:
		return fmt.Errorf("it begins with none of %s", strings.Join(names[:], ", "))
	case p == partURI && len(segments) > 2, p == partUserAgent && len(segments) > 1:
		return errors.New("there is nothing below a parameter of requestURI, or below userAgent")
	case p == partRequest, p == partResponse:
		u.needs |= onBody
	case p == partURI && len(segments) > 1:
		u.needs |= onParameter
	default:
		u.needs |= always
	}
	if u.roots[p] == nil {
		u.roots[p] = &node{}
	}
	if len(segments) == 1 {
		u.roots[p].hit, u.roots[p].whole = true, u.roots[p].whole || whole
		return nil
	}
	to := &node{hit: true, whole: whole}
	for i := len(segments) - 1; i > 0; i-- {
		segments[i].to = to
		to = &node{edges: segments[i : i+1]}
	}
	u.roots[p].edges = append(u.roots[p].edges, segments[1])
	return nil
}

// segment is a step of a path: a name, any name, any element of a list, or those that a member selects.
var segment = regexp.MustCompile(`^(?:\.([^]["*.]+)|\["(.+?)"\]|\.(\*)|\[(\*)\]|\[([\w.-]+)(=~?)"(.*?)"\])`)

// parsePath cuts a path into its steps, edges that lead nowhere yet; there is at least one.
func parsePath(path string) (segments []edge, err error) {
	for rest := "." + path; rest != "" || segments == nil; {
		m := segment.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf(`at character %d: expected .name, .*, ["name"], [*], [name="text"] or [name=~"regexp"]`, max(1, len(path)-len(rest)+1))
		}
		s := edge{name: m[1] + m[2], every: m[3] != "", items: m[4]+m[5] != ""}
		if m[5] != "" {
			if m[6] == "=" {
				m[7] = "^" + regexp.QuoteMeta(m[7]) + "$"
			}
			pattern, err := regexp.Compile(m[7])
			if err != nil {
				return nil, err
			}
			s.where = &where{m[5], pattern.Match}
		}
		segments, rest = append(segments, s), rest[len(m[0]):]
	}
	return segments, nil
}
