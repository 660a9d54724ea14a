package replay

import (
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/lokipush"
)

// Filter chooses lines. An empty field lets every line through; a line must pass
// all fields.
type Filter struct {
	// From and To bound the time of a line, its stageTimestamp: [From, To).
	From, To time.Time
	// The values of fields of which one must be the line's.
	Users, Verbs, Resources, Namespaces, Names, Codes []string
}

// Match says whether a line with these fields, at this time, is wanted.
func (f *Filter) Match(at time.Time, fields *lokipush.Fields) bool {
	switch {
	case !f.From.IsZero() && at.Before(f.From), !f.To.IsZero() && !at.Before(f.To):
		return false
	}
	return has(f.Users, fields.User) && has(f.Verbs, fields.Verb) && has(f.Resources, fields.Resource) &&
		has(f.Namespaces, fields.Namespace) && has(f.Names, fields.Name) && has(f.Codes, fields.Code)
}

func has(wanted []string, value []byte) bool {
	return len(wanted) == 0 || slices.Contains(wanted, string(value))
}

// Days returns the first and the last UTC day that lines in the range of time
// may be filed under, zero times where there is no bound. A line without a
// timestamp is filed with its predecessor, or under the day of the rotation,
// hence a day more on each side.
func (f *Filter) Days() (first, last time.Time) {
	const day = 24 * time.Hour
	if !f.From.IsZero() {
		first = f.From.UTC().Truncate(day).Add(-day)
	}
	if !f.To.IsZero() {
		last = f.To.UTC().Truncate(day).Add(day)
	}
	return first, last
}
