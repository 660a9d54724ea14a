package lokiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// pageSize is how many entries one query may give; more are asked for in
// shorter ranges.
const pageSize = 4000

// Entry is one line as a query gives it.
type Entry struct {
	Time     time.Time
	Labels   map[string]string // of the stream
	Metadata map[string]string
	Line     string
}

// Result is the answer to a query.
type Result struct {
	Type   string // streams, vector, matrix
	Series int    // of a metric query
	Rows   []Entry
}

// Empty says that there is nothing in the answer.
func (r Result) Empty() bool { return r.Series == 0 && len(r.Rows) == 0 }

// Range asks over the half-open range from start to end. Step is for metric
// queries; zero leaves it to Loki.
func (s *Server) Range(ctx context.Context, query string, start, end time.Time, step time.Duration) (Result, error) {
	values := url.Values{
		"query": {query}, "direction": {"forward"}, "limit": {strconv.Itoa(pageSize)},
		"start": {strconv.FormatInt(start.UnixNano(), 10)}, "end": {strconv.FormatInt(end.UnixNano(), 10)},
	}
	if step > 0 {
		values.Set("step", strconv.FormatFloat(step.Seconds(), 'f', -1, 64))
	}
	return s.query(ctx, "/loki/api/v1/query_range?"+values.Encode())
}

// Instant asks for the value at one time.
func (s *Server) Instant(ctx context.Context, query string, at time.Time) (Result, error) {
	values := url.Values{"query": {query}, "time": {strconv.FormatInt(at.UnixNano(), 10)}, "limit": {strconv.Itoa(pageSize)}}
	return s.query(ctx, "/loki/api/v1/query?"+values.Encode())
}

// All returns every entry of a log query in the range, however many, page by
// page in the order of time.
func (s *Server) All(ctx context.Context, query string, start, end time.Time) (all []Entry, err error) {
	for {
		r, err := s.Range(ctx, query, start, end, 0)
		if err != nil || len(r.Rows) < pageSize {
			return append(all, r.Rows...), err
		}
		// The page may end between entries of one nanosecond: these are asked
		// for again, all of them.
		last := slices.MaxFunc(r.Rows, func(a, b Entry) int { return a.Time.Compare(b.Time) }).Time
		if !last.After(start) {
			return nil, fmt.Errorf("more than %d entries in one nanosecond", pageSize)
		}
		all = append(all, slices.DeleteFunc(r.Rows, func(e Entry) bool { return !e.Time.Before(last) })...)
		start = last
	}
}

type answer struct {
	Data struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

func (s *Server) query(ctx context.Context, path string) (Result, error) {
	body, err := s.Get(ctx, path)
	if err != nil {
		return Result{}, err
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return Result{}, fmt.Errorf("read Loki's answer: %w", err)
	}
	r := Result{Type: a.Data.ResultType}
	if r.Type != "streams" {
		var series []json.RawMessage
		err := json.Unmarshal(a.Data.Result, &series)
		r.Series = len(series)
		return r, err
	}
	r.Rows, err = decodeStreams(a.Data.Result)
	return r, err
}

func decodeStreams(raw []byte) ([]Entry, error) {
	var streams []struct {
		Stream map[string]string    `json:"stream"`
		Values [][3]json.RawMessage `json:"values"`
	}
	if err := json.Unmarshal(raw, &streams); err != nil {
		return nil, fmt.Errorf("read the streams of Loki's answer: %w", err)
	}
	var entries []Entry
	for _, stream := range streams {
		for _, v := range stream.Values {
			e := Entry{Labels: stream.Stream}
			var nanos string
			var extra struct {
				StructuredMetadata map[string]string `json:"structuredMetadata"`
			}
			if err := unmarshalAll(v, &nanos, &e.Line, &extra); err != nil {
				return nil, err
			}
			n, err := strconv.ParseInt(nanos, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the time of an entry: %w", err)
			}
			e.Time, e.Metadata = time.Unix(0, n).UTC(), extra.StructuredMetadata
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func unmarshalAll(raw [3]json.RawMessage, into ...any) error {
	for i, target := range into {
		if len(raw[i]) == 0 {
			continue
		}
		if err := json.Unmarshal(raw[i], target); err != nil {
			return fmt.Errorf("read an entry of Loki's answer: %w", err)
		}
	}
	return nil
}
