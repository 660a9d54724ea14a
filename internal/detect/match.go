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

func (c Condition) holds(e *Event) bool {
	for name, p := range c {
		var value string
		switch name {
		case fieldBody:
			value = e.bodies()
		case fieldFind, fieldStub:
			value = e.line
		default:
			f, _ := fieldNamed(name) // checked when it was read
			value = f.value(e)
		}
		if !p.Holds(value) {
			return false
		}
	}
	return true
}

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
	in := make(map[string]int) // in the window, by what is counted
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
