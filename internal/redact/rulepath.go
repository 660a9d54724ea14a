package redact

import (
	"encoding/json"
	"errors"
	"fmt"
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
		if err := u.add(path); err != nil {
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
	if u.roots[partStatus] == nil && u.roots[partAnnotations] == nil {
		u.needs = onBody
	}
	return u, nil
}

// canonical is the rule in the policy's hash.
func (own *Rule) canonical() []byte {
	text, _ := json.Marshal(own) // of strings: never fails
	return text
}

// add makes the places of one path, from the end to the root.
func (u *rule) add(path string) error {
	segments, err := parsePath(path)
	if err != nil {
		return err
	}
	p, ok := partOf([]byte(segments[0].name))
	if !ok || segments[0].name != p.name() {
		return fmt.Errorf("it begins with none of %s, %s, %s, %s", part(0).name(), part(1).name(), part(2).name(), part(3).name())
	}
	if u.roots[p] == nil {
		u.roots[p] = &node{}
	}
	if len(segments) == 1 {
		u.roots[p].hit = true
		return nil
	}
	to := all()
	for i := len(segments) - 1; i > 1; i-- {
		segments[i].to = to
		to = &node{edges: segments[i : i+1]}
	}
	segments[1].to = to
	u.roots[p].edges = append(u.roots[p].edges, segments[1])
	return nil
}

// parsePath cuts a path into its steps, edges that lead nowhere yet; there is at least one.
func parsePath(path string) (segments []edge, err error) {
	rest := path
	for first := true; first || rest != ""; first = false {
		var s edge
		if s, rest, err = nextSegment(rest, first); err != nil {
			return nil, fmt.Errorf("at character %d: %w", len(path)-len(rest)+1, err)
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func nextSegment(path string, first bool) (s edge, rest string, err error) {
	switch {
	case !first && strings.HasPrefix(path, "[*]"):
		return edge{items: true}, path[len("[*]"):], nil
	case !first && strings.HasPrefix(path, `["`):
		end := strings.Index(path, `"]`)
		if end <= len(`["`) {
			return s, path, errors.New(`expected a name and "]`)
		}
		return edge{name: path[len(`["`):end]}, path[end+len(`"]`):], nil
	case !first && !strings.HasPrefix(path, "."):
		return s, path, errors.New(`expected a dot, [*] or ["name"]`)
	}
	name := strings.TrimPrefix(path, ".")
	if end := strings.IndexAny(name, ".["); end >= 0 {
		name, rest = name[:end], name[end:]
	}
	switch {
	case name == "":
		return s, path, errors.New("expected a name")
	case name == "*" && !first:
		return edge{every: true}, rest, nil
	case strings.ContainsAny(name, `]"*`):
		return s, path, fmt.Errorf(`%q is no name; write ["name"] where it has special characters`, name)
	}
	return edge{name: name}, rest, nil
}
