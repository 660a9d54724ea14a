package detect

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Allow lists ordinary accounts of one's own clusters.
type Allow []Entry

// Entry takes one account out of one alert, until a day.
type Entry struct {
	Alert     string
	User      string // "*" inside stands for any text
	Namespace string // the same; absent: everywhere
	Reason    string
	Until     string // the last day, 2006-01-02

	condition Condition
}

// maxAllow bounds an allow list: each entry is a filter of a rule.
const maxAllow = 1000

// ParseAllow reads an allow list and says everything that is wrong with it. An entry
// that has expired, or that names an alert that is not there, is an error.
func ParseAllow(name string, content []byte, s Source, now time.Time) (Allow, error) {
	var file struct{ Allow Allow }
	if err := decodeStrictly(name, content, &file); err != nil {
		return nil, err
	}
	if len(file.Allow) == 0 || len(file.Allow) > maxAllow {
		return nil, fmt.Errorf("%s: %d entries below allow, expected 1 to %d", name, len(file.Allow), maxAllow)
	}
	var errs []error
	for i := range file.Allow {
		if err := file.Allow[i].check(s, now); err != nil {
			errs = append(errs, fmt.Errorf("%s: entry %d (%s, %s): %w", name, i+1, file.Allow[i].Alert, file.Allow[i].User, err))
		}
	}
	return file.Allow, errors.Join(errs...)
}

func (e *Entry) check(s Source, now time.Time) (err error) {
	d := s.Find(e.Alert)
	until, dateErr := time.Parse(time.DateOnly, e.Until)
	switch {
	case d == nil:
		return fmt.Errorf("there is no alert of this name: `rules print` has them")
	case len(d.When) == 0:
		return fmt.Errorf("this alert takes no exception: it looks at no single event")
	case strings.Trim(e.User, "*") == "":
		return fmt.Errorf("user: expected a name; * alone would switch the alert off for everybody")
	case strings.TrimSpace(e.Reason) == "":
		return fmt.Errorf("reason: expected why this is ordinary, and who says so")
	case dateErr != nil:
		return fmt.Errorf("until: expected a day such as %s, the last on which this holds", now.AddDate(0, 6, 0).Format(time.DateOnly))
	case !now.Before(until.AddDate(0, 0, 1)):
		return fmt.Errorf("it expired on %s: remove it, or look at it again and set a later day", e.Until)
	}
	tests := make(map[string]string)
	for name, text := range map[string]string{"user": e.User, "namespace": e.Namespace} {
		if text != "" {
			tests[name] = strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*")
		}
	}
	e.condition, err = newCondition(tests, nil)
	return err
}

// Conditions are the exceptions of one alert.
func (a Allow) Conditions(alert string) (all []Condition) {
	for _, e := range a {
		if e.Alert == alert {
			all = append(all, e.condition)
		}
	}
	return all
}

// FirstUntil is the day on which the first entry expires.
func (a Allow) FirstUntil() string {
	first := ""
	for _, e := range a {
		if first == "" || e.Until < first {
			first = e.Until
		}
	}
	return first
}
