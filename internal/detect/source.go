package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Detection is one alert. It has a field for everything that its file says, so that
// there is one source; hence more fields than other types.
type Detection struct {
	Alert    string
	Severity string   // info: for the record; warning: today; critical: now
	Attack   []string // techniques of MITRE ATT&CK
	Tactic   string   // that of the first technique
	Level    string   // the audit level that its requests need
	Summary  string   // a template of Prometheus
	Runbook  string   // first steps
	About    string   // why it is as it is
	By       []string // labels of an alert besides cluster

	Window   duration // which events count together
	For      duration
	Above    int      // fires above this number
	Reason   string   // of the number
	Distinct []string // counts different values of these, not events

	When   []Condition // any of them
	Except []Condition // none of them

	LogQL string `yaml:"logql"` // of a detection that no condition can express
	SQL   string `yaml:"sql"`   // of a detection that needs the past

	Fires, Quiet []yaml.Node // events, read by detecttest
}

// Condition is a test of fields, all of which must hold.
type Condition map[string]Pattern

// Group is a file of detections that are evaluated together.
type Group struct {
	Name       string `yaml:"group"`
	About      string
	Interval   duration
	Detections []*Detection
}

// List is the value of a name in a pattern.
type List struct {
	About string   // whose accounts these are, and why they are ordinary
	Of    []string // values, or patterns
}

// Pattern is the list as one alternative of a pattern.
func (l List) Pattern() string { return strings.Join(l.Of, "|") }

// Source is everything that manifests/detections has.
type Source struct {
	Groups []Group
	Lists  map[string]List
}

// All returns the detections in their order.
func (s Source) All() (all []*Detection) {
	for _, g := range s.Groups {
		all = append(all, g.Detections...)
	}
	return all
}

// Find returns a detection by its name, nil without one.
func (s Source) Find(alert string) *Detection {
	all := s.All()
	if i := slices.IndexFunc(all, func(d *Detection) bool { return d.Alert == alert }); i >= 0 {
		return all[i]
	}
	return nil
}

// namesFile has the lists; all other files are groups.
const namesFile = "names.yaml"

// Read reads the files of a directory of detections.
func Read(dir fs.FS) (Source, error) {
	var s Source
	var names struct{ Lists map[string]List }
	if err := decode(dir, namesFile, &names); err != nil {
		return s, err
	}
	if err := expand(names.Lists); err != nil {
		return s, fmt.Errorf("%s: %w", namesFile, err)
	}
	s.Lists = names.Lists
	lists := &patterns{named: s.Lists, compiled: make(map[string]*regexp.Regexp)}
	files, err := fs.Glob(dir, "[0-9]*.yaml")
	if err != nil {
		return s, fmt.Errorf("list the detections: %w", err)
	}
	var errs []error
	seen := make(map[string]bool)
	for _, file := range files {
		var raw struct {
			Group      string
			About      string
			Interval   duration
			Detections []rawDetection
		}
		if err := decode(dir, file, &raw); err != nil {
			return s, err
		}
		g := Group{Name: raw.Group, About: raw.About, Interval: raw.Interval}
		for i := range raw.Detections {
			d, err := raw.Detections[i].resolve(lists)
			if err == nil && seen[d.Alert] {
				err = errors.New("there are two of this name")
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", file, raw.Detections[i].Alert, err))
				continue
			}
			seen[d.Alert] = true
			g.Detections = append(g.Detections, d)
		}
		s.Groups = append(s.Groups, g)
	}
	return s, errors.Join(errs...)
}

func decode(dir fs.FS, file string, into any) error {
	content, err := fs.ReadFile(dir, file)
	if err != nil {
		return fmt.Errorf("read the detections: %w", err)
	}
	return decodeStrictly(file, content, into)
}

// decodeStrictly reads one YAML document without unknown fields.
func decodeStrictly(name string, content []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: a second YAML document: put everything into one", name)
	}
	return nil
}

// expand replaces the names of lists inside lists.
func expand(lists map[string]List) error {
	const deepest = 4
	for range deepest {
		again := false
		for name, l := range lists {
			var of []string
			var unknown string
			for _, value := range l.Of {
				if inner, ok := lists[strings.TrimPrefix(value, "@")]; ok && strings.HasPrefix(value, "@") {
					of, again = append(of, inner.Of...), true
					continue
				}
				of = append(of, listName.ReplaceAllStringFunc(value, func(ref string) string {
					again = true
					if _, ok := lists[ref[1:]]; !ok {
						unknown = ref[1:]
					}
					return lists[ref[1:]].Pattern()
				}))
			}
			if unknown != "" {
				return fmt.Errorf("list %s: the list %s is not there", name, unknown)
			}
			l.Of = of
			lists[name] = l
		}
		if !again {
			return nil
		}
	}
	return fmt.Errorf("lists name each other more than %d times deep", deepest)
}

// rawDetection is a detection with the texts of its patterns.
type rawDetection struct {
	Detection `yaml:",inline"`
	RawWhen   []map[string]string `yaml:"if"`
	RawExcept []map[string]string `yaml:"unless"`
}

var (
	alertName = regexp.MustCompile(`^Audit[A-Z][A-Za-z]+$`)
	technique = regexp.MustCompile(`^T[0-9]{4}([.][0-9]{3})?$`)
)

// resolve checks a detection and reads its patterns.
func (r *rawDetection) resolve(lists *patterns) (*Detection, error) {
	d := &r.Detection
	var errs []error
	check := func(bad bool, message string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(message, args...))
		}
	}
	check(!alertName.MatchString(d.Alert), "alert: expected Audit and a name")
	check(!slices.Contains([]string{"info", "warning", "critical"}, d.Severity), "severity %q: expected info, warning or critical", d.Severity)
	check(!slices.Contains([]string{"Metadata", "Request", "RequestResponse"}, d.Level), "level %q: expected Metadata, Request or RequestResponse", d.Level)
	check(len(d.Attack) == 0 || !technique.MatchString(d.Attack[0]), "attack: expected techniques such as T1098.006")
	check(d.Summary == "" || d.Runbook == "" || d.Tactic == "", "summary, runbook and tactic are needed")
	check(d.Above > 0 && d.Reason == "", "above %d needs a reason", d.Above)
	check(len(r.RawWhen) == 0 && d.LogQL == "" && d.SQL == "", "expected conditions in if, or logql, or sql")
	check(len(d.Fires) == 0 && d.SQL == "", "no event fires it: fill in fires")
	check(d.Above > 0 && len(r.RawWhen) > 1, "a number is counted over one condition only")
	for _, label := range slices.Concat(d.By, d.Distinct) {
		f, ok := fieldNamed(label)
		check(!ok || f.parsed(), "by: %s is not in the structured metadata", label)
	}
	if d.Window == 0 {
		d.Window = duration(5 * time.Minute)
	}
	for _, raw := range r.RawWhen {
		c, err := newCondition(raw, lists)
		check(err != nil, "if: %w", err)
		d.When = append(d.When, c)
	}
	for _, raw := range r.RawExcept {
		c, err := newCondition(raw, lists)
		check(err != nil, "unless: %w", err)
		check(c.has(fieldBody) || c.has(fieldFind) || c.has(fieldStub), "unless: a body cannot take an event out: others write bodies")
		d.Except = append(d.Except, c)
	}
	d.addDryRun(lists)
	return d, errors.Join(errs...)
}

func (c Condition) has(name string) bool { _, ok := c[name]; return ok }

func newCondition(raw map[string]string, lists *patterns) (Condition, error) {
	c := make(Condition)
	for name, text := range raw {
		search := slices.Contains([]string{fieldBody, fieldFind, fieldStub}, name)
		if _, ok := fieldNamed(name); !ok && !search {
			return nil, fmt.Errorf("unknown field %q", name)
		}
		if search && strings.HasPrefix(text, "!") {
			return nil, fmt.Errorf("%s: a negation is not bound to a field", name)
		}
		p, err := newPattern(text, search, lists)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		c[name] = p
	}
	resources := c["resource"].Values()
	if _, given := c["group"]; !given && c.has("resource") && !c["resource"].Not && len(resources) > 0 {
		p, err := newPattern(groupPattern(resources), false, lists)
		if err != nil {
			return nil, err
		}
		c["group"] = p
	}
	return c, nil
}

// dryRunURI is the URI of a dry run: a parameter of its own, not the value of another.
const dryRunURI = `[^?]*[?](?:[^&]*&)*dryRun=All(?:&.*)?`

// addDryRun takes dry runs out of conditions on writes.
func (d *Detection) addDryRun(lists *patterns) {
	writes := slices.ContainsFunc(d.When, func(c Condition) bool {
		verb, ok := c["verb"]
		return ok && !verb.Not && !c.connects() && slices.ContainsFunc([]string{"create", "update", "patch", "delete"}, verb.Holds)
	})
	if !writes {
		return
	}
	for _, raw := range []map[string]string{
		{"verb": "create|update|patch", "subresource": "!exec|attach|portforward|proxy|token", "uri": dryRunURI},
		{"verb": "delete|deletecollection", "uri": dryRunURI, "options": "!DeleteOptions"},
	} {
		if c, err := newCondition(raw, lists); err == nil {
			d.Except = append(d.Except, c)
		}
	}
}

// connects reports whether the condition is about subresources that ignore the
// parameter dryRun.
func (c Condition) connects() bool {
	sub := c["subresource"]
	return len(sub.Values()) > 0 && !sub.Not && !slices.ContainsFunc(sub.Values(), func(v string) bool {
		return !slices.Contains([]string{"exec", "attach", "portforward", "proxy", "token"}, v)
	})
}

// duration is a duration in YAML, such as 5m.
type duration time.Duration

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is not a duration such as 5m", n.Line, n.Value)
	}
	*d = duration(v)
	return nil
}

// Text is the duration as Prometheus writes it.
func (d duration) Text() string {
	if v := time.Duration(d); v%time.Hour == 0 && v > 0 {
		return fmt.Sprintf("%dh", v/time.Hour)
	}
	return fmt.Sprintf("%dm", time.Duration(d)/time.Minute)
}
