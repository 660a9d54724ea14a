// Package timerange reads the flags --since, --from and --to, which mean the same in
// every verb that has them. A time is RFC 3339, a UTC day, or a duration: how long ago.
//
//	var r timerange.Range
//	r.Register(cmd.Flags())
//	…
//	if err := r.Validate(); err != nil { … }
package timerange

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// Range is the times from From on and before To; a zero time is no bound.
type Range struct {
	From, To time.Time

	since instant
	from  instant
	to    instant
}

// Forms are the forms of a time, for messages.
const Forms = "2026-11-22T12:00:00Z, 2026-11-22, or how long ago: 24h, 7d"

// Register declares --since, --from and --to.
func (r *Range) Register(flags *pflag.FlagSet) {
	flags.Var(&r.since, "since", "only from this `time` on: "+Forms)
	flags.Var(&r.from, "from", "the same as --since")
	flags.Var(&r.to, "to", "only before this `time`, in the same forms")
}

// Validate sets From and To from the flags.
func (r *Range) Validate() error {
	r.From, r.To = r.from.Time, r.to.Time
	if !r.since.IsZero() {
		r.From = r.since.Time
	}
	switch {
	case !r.since.IsZero() && !r.from.IsZero():
		return errors.New("--since and --from mean the same: give one of them")
	case !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To):
		return fmt.Errorf("--from %s is not before --to %s", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	return nil
}

// Contains reports whether t is in the range.
func (r *Range) Contains(t time.Time) bool {
	return (r.From.IsZero() || !t.Before(r.From)) && (r.To.IsZero() || t.Before(r.To))
}

// Overlaps reports whether the range has a time from first to last; a zero time is
// no bound.
func (r *Range) Overlaps(first, last time.Time) bool {
	return (r.From.IsZero() || last.IsZero() || !last.Before(r.From)) && (r.To.IsZero() || first.IsZero() || first.Before(r.To))
}

// instant is the value of a flag.
type instant struct {
	time.Time
	text string
}

// String implements [pflag.Value].
func (i *instant) String() string { return i.text }

// Type implements [pflag.Value].
func (i *instant) Type() string { return "time" }

// Set implements [pflag.Value].
func (i *instant) Set(text string) (err error) {
	i.text = text
	i.Time, err = Parse(text, time.Now())
	return err
}

// ago is weeks, days and a Go duration.
var ago = regexp.MustCompile(`^(?:([0-9]{1,4})w)?(?:([0-9]{1,5})d)?((?:[0-9.]+(?:h|m|s|ms))*)$`)

// Parse reads a time; a duration is before now. The result is in UTC.
func Parse(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	m := ago.FindStringSubmatch(text)
	if m == nil || text == "" {
		return time.Time{}, fmt.Errorf("expected a time: %s", Forms)
	}
	weeks, _ := strconv.Atoi(m[1]) // digits or nothing
	days, _ := strconv.Atoi(m[2])
	var rest time.Duration
	if m[3] != "" {
		var err error
		if rest, err = time.ParseDuration(m[3]); err != nil {
			return time.Time{}, fmt.Errorf("expected a time: %s", Forms)
		}
	}
	return now.UTC().AddDate(0, 0, -7*weeks-days).Add(-rest), nil
}
