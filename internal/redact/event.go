package redact

import (
	"bytes"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// found is a member of an event that something may have to be replaced in.
type found struct {
	from, end int // of its value
	part      part
}

// members applies the rules to the event at start. It reports whether r.b is one valid
// JSON object from there on, and does nothing otherwise.
func (r *Redactor) members(start int) bool {
	r.found, r.refs = r.found[:0], r.refs[:0]
	var verb, kind, version, id []byte
	leaks := false
	for name, value := range r.json.Members(r.b[start:]) {
		key, from, end := auditline.Unquoted(name), start+value.From, start+value.To
		switch {
		case isName(key, "kind"):
			kind = text(r.b[from:end])
		case isName(key, "apiVersion"):
			version = text(r.b[from:end])
		case isName(key, "auditID"):
			id = text(r.b[from:end])
		case isName(key, "verb"):
			verb = text(r.b[from:end])
		case isName(key, "objectRef") && at(r.b, from) == '{':
			if o := refOf(r.b, from); len(o.resource) > 0 {
				r.refs = append(r.refs, o)
			}
		default:
			p, known := partOf(key)
			if known {
				leaks = leaks || p == partStatus && quotes(r.b, from)
			}
			// Another container may be the rest of a body, after a crash that happened to leave
			// valid JSON.
			if c := at(r.b, from); known || (c == '{' || c == '[') && string(key) != "objectRef" {
				r.found = append(r.found, found{from: from, end: end, part: p})
			}
		}
	}
	if !r.json.Whole() {
		return false
	}
	switch {
	case auditline.IsEvent(kind, version, id):
	case string(kind) == "EventList" && start == 0:
		r.list(space(r.b, start))
		return true
	default:
		r.leaves(space(r.b, start)) // no known program writes such a line
		return true
	}
	isSecret := slices.ContainsFunc(r.refs, func(o ref) bool { return string(o.resource) == "secrets" }) // its rules see all of it
	for _, f := range r.found {
		r.nested = r.policy.inner != nil && f.isBody() && !isSecret && saysSecret(r.b[f.from:f.end])
		r.apply(f, verb, leaks)
	}
	return true
}

// list treats the objects in the array at i, or in the items of the EventList there, like any event,
// and the rest like a line that is not an event. It returns where the container ends.
func (r *Redactor) list(i int) int {
	inArray := at(r.b, i) == '['
	return children(r.b, i, func(key []byte, value int) int {
		end, line := skip(r.b, value), r.b
		switch c := at(r.b, value); {
		case c == '{' && inArray:
			r.b = line[:end]
			r.members(value)
			r.b = line
		case c == '[' && isName(key, "items"):
			r.list(value)
		case string(line[value:end]) != `"EventList"` && string(line[value:end]) != `"audit.k8s.io/v1"`:
			r.leaves(value)
		}
		return end
	})
}

func (f found) isBody() bool { return f.part == partRequest || f.part == partResponse }

func refOf(b []byte, i int) (o ref) {
	for key, value := range members(b, i) {
		what := text(b[value.from:value.to])
		switch string(key) {
		case "apiGroup":
			o.group = what
		case "resource":
			o.resource = what
		case "subresource":
			o.subresource = what
		}
	}
	return o
}

// apply applies the rules to one member.
func (r *Redactor) apply(f found, verb []byte, leaks bool) {
	if f.isBody() && len(r.refs) == 0 {
		r.leaves(f.from) // of something, of an unknown object
		return
	}
	r.positions = r.positions[:0]
	for i := range r.policy.rules {
		u := &r.policy.rules[i]
		root := u.roots[f.part]
		if root == nil || u.needs == onToken && !mayHoldToken(r.b[f.from:f.end]) && !hasExtra(r.b[f.from:f.end]) {
			continue
		}
		if r.isAbout(u, verb, leaks) {
			r.positions = append(r.positions, root)
		}
	}
	if f.isBody() && r.nested {
		r.positions = append(r.positions, r.policy.copies)
	}
	switch hit, _ := hits(r.positions); {
	case f.isBody() && at(r.b, f.from) == '[':
		r.patch(f.from, r.positions)
	case f.part == partURI && at(r.b, f.from) == '"' && !hit:
		r.uri(f.from+1, skipString(r.b, f.from)-1, r.policy.uris, r.positions)
	default:
		r.value(f.from, r.positions, 0)
	}
}

// isAbout says whether a rule is about the event at hand.
func (r *Redactor) isAbout(u *rule, verb []byte, leaks bool) bool {
	if len(r.refs) == 0 {
		return r.unsure || u.wants(ref{}, verb, leaks)
	}
	return slices.ContainsFunc(r.refs, func(o ref) bool { return u.wants(o, verb, leaks) })
}

// isName compares a member's name as a decoder may: in any case.
func isName(key []byte, name string) bool {
	return len(key) == len(name) && bytes.EqualFold(key, []byte(name))
}
