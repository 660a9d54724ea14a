package search

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
	"github.com/auditsidecar/auditsidecar/parquet/rowfind"
)

// Selection chooses lines. An empty field lets every line through; a line must pass
// all fields.
type Selection struct {
	// Cluster and Node, if not empty, are those of the objects of an archive.
	Cluster, Node string
	// Times bounds the stageTimestamp of a line.
	Times timerange.Range
	// The values of fields of which one must be the line's.
	Users, Verbs, Resources, Namespaces, Names, Codes, SourceIPs, AuditIDs []string
	// Grep, if not nil, must match the line.
	Grep *regexp.Regexp
}

// wanted are the values of a field that is a string.
type wanted struct {
	field  auditline.Field
	values []string
}

func (s *Selection) texts() [6]wanted {
	return [...]wanted{
		{auditline.UserName, s.Users}, {auditline.Verb, s.Verbs}, {auditline.ObjectResource, s.Resources},
		{auditline.ObjectNamespace, s.Namespaces}, {auditline.ObjectName, s.Names}, {auditline.AuditID, s.AuditIDs},
	}
}

// Match says whether a line with this event, at this time, is wanted.
func (s *Selection) Match(at time.Time, e *auditline.Event, line []byte) bool {
	if !s.Times.Contains(at) {
		return false
	}
	for _, w := range s.texts() {
		if len(w.values) > 0 && !slices.Contains(w.values, string(e.Text(w.field))) {
			return false
		}
	}
	if len(s.Codes) > 0 {
		code, ok := e.Int(auditline.ResponseCode)
		if !ok || !slices.Contains(s.Codes, strconv.FormatInt(code, 10)) {
			return false
		}
	}
	if len(s.SourceIPs) > 0 && !slices.ContainsFunc(e.List(auditline.SourceIPs).Items, func(ip []byte) bool { return slices.Contains(s.SourceIPs, string(ip)) }) {
		return false
	}
	return s.Grep == nil || s.Grep.Match(line)
}

// Query is the selection as rowfind takes it: all but Grep.
func (s *Selection) Query() *rowfind.Query {
	q := &rowfind.Query{From: s.Times.From, To: s.Times.To, Fields: map[auditline.Field][]string{}}
	texts := s.texts()
	for _, w := range append(texts[:], wanted{auditline.ResponseCode, s.Codes}, wanted{auditline.SourceIPs, s.SourceIPs}) {
		if len(w.values) > 0 {
			q.Fields[w.field] = w.values
		}
	}
	return q
}

// Days returns the first and the last UTC day that lines in the range of time
// may be filed under, zero times where there is no bound. A line without a
// timestamp is filed with its predecessor, or under the day of the rotation,
// hence a day more on each side.
func (s *Selection) Days() (first, last time.Time) {
	const day = 24 * time.Hour
	if !s.Times.From.IsZero() {
		first = s.Times.From.UTC().Truncate(day).Add(-day)
	}
	if !s.Times.To.IsZero() {
		last = s.Times.To.UTC().Truncate(day).Add(day)
	}
	return first, last
}
