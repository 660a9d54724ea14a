package live

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/lokipush"
)

// Other is the value of a label for which an event has no value, or one that
// is not among the known ones.
const Other = "other"

// The labels that can come from an event: each has few values, whatever
// clients send. Everything else is structured metadata, which costs no stream.
const (
	LabelVerb      = "verb"
	LabelLevel     = "level"
	LabelStage     = "stage"
	LabelCodeClass = "code_class" // 2xx, 3xx, 4xx, 5xx
)

// EventLabels lists the labels that can come from an event.
func EventLabels() []string { return []string{LabelVerb, LabelLevel, LabelStage, LabelCodeClass} }

// values are the values that each label can have. Verbs outside of the list are
// HTTP methods in small letters, which a client is free to invent.
var values = map[string][]string{
	LabelVerb: {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
		"post", "put", "head", "options", "connect", "proxy"},
	LabelLevel:     {"Metadata", "Request", "RequestResponse"},
	LabelStage:     {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"},
	LabelCodeClass: {"1xx", "2xx", "3xx", "4xx", "5xx"},
}

// stream is one set of labels.
type stream struct {
	labels lokipush.Labels
	open   *batch // nil when no line waits for it
}

// streams finds the stream of a line.
type streams struct {
	static map[string]string
	event  []string // labels that come from the event
	known  map[string]*stream
	key    []byte // memory of the last key
}

// CheckLabels returns the labels that are not available, and why: those that Loki would
// refuse, those that structured metadata has the name of, and those from the
// event whose values clients could make as many of as they like.
func CheckLabels(static map[string]string, event []string) error {
	var errs []error
	all := maps.Clone(static)
	for _, name := range slices.Sorted(maps.Keys(static)) {
		if slices.Contains(lokipush.MetadataNames(), name) || slices.Contains(event, name) {
			errs = append(errs, fmt.Errorf("label %s: each line has its own value of this name", name))
		}
	}
	for i, name := range event {
		all[name] = Other
		switch {
		case slices.Contains(event[:i], name):
			errs = append(errs, fmt.Errorf("label %s is given twice", name))
		case values[name] == nil:
			errs = append(errs, fmt.Errorf("label %s cannot come from the event: each value makes a stream of its own, and Loki's index is for tens of values "+
				"(verb, user, resource and namespace as labels made 147,100 streams of a real log of 601,775 lines); "+
				"only %s can. User, resource, namespace and the like are structured metadata: {job=\"audit\"} | user=\"alice\"",
				name, strings.Join(EventLabels(), ", ")))
		}
	}
	if _, err := lokipush.NewLabels(all); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// newStreams checks the labels and returns the streams that they make.
func newStreams(static map[string]string, event []string) (*streams, error) {
	if err := CheckLabels(static, event); err != nil {
		return nil, err
	}
	s := &streams{static: static, event: event, known: map[string]*stream{}}
	_, err := s.add(slices.Repeat([]byte{0}, len(s.event)))
	return s, err
}

// of returns the stream of an event. A field that has become a label is taken
// out of the metadata, where it would stand twice.
func (s *streams) of(f *lokipush.Fields) (*stream, error) {
	s.key = s.key[:0]
	for _, label := range s.event {
		value := take(f, label)
		s.key = append(s.key, byte(1+slices.IndexFunc(values[label], func(v string) bool { return v == string(value) })))
	}
	if known := s.known[string(s.key)]; known != nil {
		return known, nil
	}
	return s.add(bytes.Clone(s.key))
}

// add makes the stream of a key: for each label 0 for [Other], or the number
// of its value.
func (s *streams) add(key []byte) (*stream, error) {
	set := maps.Clone(s.static)
	for i, label := range s.event {
		set[label] = Other
		if key[i] > 0 {
			set[label] = values[label][key[i]-1]
		}
	}
	labels, err := lokipush.NewLabels(set)
	if err != nil {
		return nil, err
	}
	added := &stream{labels: labels}
	s.known[string(key)] = added
	return added, nil
}

// take returns the value that an event has for a label. The code itself stays
// in the metadata: its class is less than it.
func take(f *lokipush.Fields, label string) (value []byte) {
	switch label {
	case LabelVerb:
		value, f.Verb = f.Verb, nil
	case LabelLevel:
		value, f.Level = f.Level, nil
	case LabelStage:
		value, f.Stage = f.Stage, nil
	case LabelCodeClass:
		if len(f.Code) == len("200") {
			return []byte{f.Code[0], 'x', 'x'}
		}
	}
	return value
}
