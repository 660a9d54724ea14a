package detect

import (
	"slices"
	"strings"
	"time"
)

// Matches reports whether an event counts for a detection: a condition holds and no
// exception and no entry of the allow list does.
func (d *Detection) Matches(e *Event, allow Allow) bool {
	holds := func(c Condition) bool { return c.holds(e) }
	return slices.ContainsFunc(d.When, holds) && !slices.ContainsFunc(d.Except, holds) && !allow.covers(d.Alert, e)
}

// holds tests the cheap fields first.
func (c Condition) holds(e *Event) bool {
	tested := 0
	for _, name := range fieldOrder {
		p, ok := c[name]
		if !ok {
			continue
		}
		if !p.Holds(p.value(e)) {
			return false
		}
		if tested++; tested == len(c) {
			break
		}
	}
	return true
}

// fieldOrder has every name that a condition can have.
var fieldOrder = []string{"verb", "resource", "subresource", "group", "code", "namespace", "name", "stage", "user", "audit_id", fieldOwn,
	"uri", "agent", "decision", "as", "as_groups", "options", fieldFind, fieldStub, fieldBody}

// labels are the values by which a detection groups, joined.
func labels(names []string, e *Event) string {
	values := make([]string, len(names))
	for i, name := range names {
		f, _ := fieldNamed(name)
		values[i] = f.value(e)
	}
	return strings.Join(values, "\x00")
}

// Activations counts how often alerts of a detection begin to fire over events that
// are in the order of their time. An alert fires while enough events are within the
// window.
func (d *Detection) Activations(events []Event, allow Allow) int {
	groups := make(map[string][]*Event)
	for i := range events {
		if e := &events[i]; d.Matches(e, allow) {
			key := labels(d.By, e)
			groups[key] = append(groups[key], e)
		}
	}
	n := 0
	for _, group := range groups {
		n += d.activations(group)
	}
	return n
}

// activations counts those of one set of labels.
func (d *Detection) activations(events []*Event) (n int) {
	window := time.Duration(d.Window)
	in := make(map[string]int) // in the window, by the counted value
	first, total := 0, 0
	var until time.Time
	for i, e := range events {
		for ; events[first].StageTimestamp.Add(window).Before(e.StageTimestamp); first++ {
			key := labels(d.Distinct, events[first])
			if in[key]--; in[key] == 0 {
				delete(in, key)
			}
			total--
		}
		in[labels(d.Distinct, events[i])]++
		total++
		count := total
		if len(d.Distinct) > 0 {
			count = len(in)
		}
		if count <= d.Above {
			continue
		}
		if n == 0 || e.StageTimestamp.After(until) {
			n++
		}
		until = e.StageTimestamp.Add(window)
	}
	return n
}
