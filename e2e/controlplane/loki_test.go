//go:build e2e

package controlplane

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// loki is where the sidecar streams to: Loki itself, or the receiver that
// speaks its push API and starts at once.
type loki struct {
	url   string
	lines func() []string // one for each entry that a query would show
}

func newLoki(t *testing.T, real bool) loki {
	t.Helper()
	if !real {
		r := lokitest.New(lokitest.Config{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute})
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		return loki{server.URL, func() []string { return distinct(r.Entries()) }}
	}
	begin := time.Now().Add(-time.Minute)
	s := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	return loki{s.URL, func() []string {
		entries, err := s.All(t.Context(), `{job="audit", cluster="e2e"}`, begin, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatalf("ask Loki for its lines: %v", err)
		}
		var lines []string
		for _, e := range entries {
			lines = append(lines, e.Line)
		}
		return lines
	}}
}

// distinct are the lines without those that came twice: Loki's queries hide an
// entry that has the time and line of another one.
func distinct(entries []lokitest.Entry) []string {
	type key struct {
		line string
		time int64
	}
	seen := make(map[key]bool)
	var lines []string
	for _, e := range entries {
		k := key{e.Line, e.Timestamp.UnixNano()}
		if !seen[k] {
			seen[k] = true
			lines = append(lines, e.Line)
		}
	}
	return lines
}
