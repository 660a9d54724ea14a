package contents

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Each node is judged by its newest records, and rollups of earlier days are not read.
func TestFleet(t *testing.T) {
	s := newSite(t)
	for _, node := range []string{"cp1", "cp2"} {
		s.node(node, 5)
		for day := range 3 {
			s.write(archive.RollupKey("prod", node, 1, began.AddDate(0, 0, day).Format(time.DateOnly), "json"), []byte("not read"))
		}
	}
	last := began.AddDate(0, 0, 4).Add(2 * time.Hour)
	for _, test := range []struct {
		name       string
		now, since time.Time
		state      string
		gaps       int
		fails      bool
	}{
		{"recorded just now, with a gap", last.Add(time.Minute), last.Add(-time.Hour), "gap", 1, false},
		{"an older gap", last.Add(2 * time.Hour), last.Add(time.Minute), "ok", 0, false},
		{"silent for two heartbeats", last.Add(2*time.Hour + time.Second), last.Add(time.Minute), "silent", 0, true},
		{"of a time to come", last.Add(-2*time.Minute - time.Second), last.Add(time.Minute), "future", 0, true},
		{"a clock that is a little behind", last.Add(-2 * time.Minute), last.Add(time.Minute), "ok", 0, false},
		{"the gaps of two days", last, last.AddDate(0, 0, -1), "gap", 2, false},
	} {
		var notes []string
		all, err := Fleet(t.Context(), s.bucket, Options{Since: test.since, Note: func(text string) { notes = append(notes, text) }}, test.now)
		must(t, err)
		if len(all) != 2 || len(notes) > 0 {
			t.Fatalf("%s: %d nodes, notes %q", test.name, len(all), notes)
		}
		for _, m := range all {
			if m.State != test.state || m.Fails() != test.fails || len(m.Gaps) != test.gaps || !m.Recorded.Equal(last) || !m.Last.Equal(last.Add(-time.Hour)) {
				t.Errorf("%s: %+v", test.name, m)
			}
		}
	}
}

// member makes records as its node does, from some number on.
type member struct {
	node string
	tree manifest.Tree
}

// record returns the next record and its key.
func (m *member) record(t testing.TB, r manifest.Record, at time.Time) (string, []byte, manifest.Entry) {
	t.Helper()
	r.Version, r.Identity, r.Number, r.Time = manifest.Version, manifest.Identity{Cluster: "prod", Node: m.node, Epoch: "20261120T060000a1b2c3"}, m.tree.Size()+1, manifest.At(at)
	r.Seq = r.Number
	point := func(tree manifest.Tree) string {
		root := tree.Root()
		return fmt.Sprintf("%s\n%d\n%s\n\n", manifest.Origin("prod", m.node, 1), r.Number, base64.StdEncoding.EncodeToString(root[:]))
	}
	r.Checkpoint = point(m.tree)
	data, err := manifest.Encode(r)
	must(t, err)
	m.tree = m.tree.With(manifest.Read(data).Leaf)
	r.Checkpoint = point(m.tree)
	data, err = manifest.Encode(r)
	must(t, err)
	e := manifest.Read(data)
	must(t, e.Err)
	return archive.RecordKey("prod", m.node, 1, r.Number, r.Epoch, r.Seq), data, e
}

// The last heartbeat says whether the log arrives, and the newest settings which versions run.
func TestFleetInput(t *testing.T) {
	s := newSite(t)
	for i, input := range []*manifest.Input{nil, {State: manifest.InputNoFile}, {State: manifest.InputLosing}, {State: manifest.InputSilent}} {
		m := &member{node: fmt.Sprintf("cp%d", i)}
		for _, r := range []manifest.Record{
			{Kind: manifest.KindSetup, Begins: &manifest.Begins{Reason: manifest.BeginNew}, Setup: &manifest.Setup{Server: "v1.36.2"}},
			{Kind: manifest.KindHeartbeat, Heartbeat: &manifest.Heartbeat{Every: 60, Input: input}},
		} {
			key, data, _ := m.record(t, r, began)
			s.write(key, data)
		}
	}
	all, err := Fleet(t.Context(), s.bucket, Options{}, began.Add(time.Minute))
	must(t, err)
	var got []string
	for _, m := range all {
		got = append(got, m.State+" "+m.Setup.Server)
	}
	if want := []string{"ok v1.36.2", "no_file v1.36.2", "losing v1.36.2", "ok v1.36.2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	all, err = Fleet(t.Context(), s.bucket, Options{}, began.Add(2*time.Minute+time.Second))
	if must(t, err); all[0].State != "silent" {
		t.Errorf("after two heartbeats: %+v", all[0])
	}
}

// A node of which nothing can be read is listed, and is not well.
func TestFleetUnreadable(t *testing.T) {
	s := newSite(t)
	s.write(archive.RecordKey("prod", "cp1", 1, 1, "20261120T060000a1b2c3", 1), []byte("{"))
	all, err := Fleet(t.Context(), s.bucket, Options{Note: func(string) {}}, began)
	must(t, err)
	if len(all) != 1 || all[0].State != "unknown" || !all[0].Fails() || all[0].Node != "cp1" {
		t.Errorf("%+v", all)
	}
}

// BenchmarkFleetAt40ms looks at 200 nodes of a year from a bucket that answers each request after
// 40 ms.
func BenchmarkFleetAt40ms(b *testing.B) {
	b.Setenv("AWS_ACCESS_KEY_ID", "x")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	const nodes, days, hours = 200, 365, 24
	keys, bodies := make([]string, 0, nodes*days*(hours+2)), map[string][]byte{}
	add := func(key string, data []byte) { keys, bodies[key] = append(keys, key), data }
	for n := range nodes {
		node := fmt.Sprintf("cp%03d", n)
		for day := range days - 2 {
			for hour := range hours {
				number := int64(day*hours + hour + 1)
				keys = append(keys, archive.RecordKey("prod", node, 1, number, "20261120T060000a1b2c3", number))
			}
			at := began.AddDate(0, 0, day-days).Format(time.DateOnly)
			keys = append(keys, archive.RollupKey("prod", node, 1, at, "json"), archive.RollupKey("prod", node, 1, at, "parquet"))
		}
		before, err := manifest.TreeOf((days-2)*hours, make([]manifest.Hash, 3)) // 8,712 has three bits
		must(b, err)
		m := &member{node, before}
		for day := range 2 {
			sum := manifest.NewRollup("prod", node, 1, m.tree)
			for hour := range hours {
				at := began.AddDate(0, 0, day-2).Truncate(24 * time.Hour).Add(time.Duration(hour) * time.Hour)
				key, data, e := m.record(b, manifest.Record{Kind: manifest.KindHeartbeat, Heartbeat: &manifest.Heartbeat{Every: 3600}}, at)
				sum.Add(&e)
				add(key, data)
			}
			if day == 0 {
				asJSON, columns, err := sum.Seal(nil)
				must(b, err)
				add(archive.RollupKey("prod", node, 1, sum.Day, "json"), asJSON)
				add(archive.RollupKey("prod", node, 1, sum.Day, "parquet"), columns)
			}
		}
	}
	sort.Strings(keys)
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		time.Sleep(40 * time.Millisecond)
		q := r.URL.Query()
		if !q.Has("list-type") {
			if bodies[strings.TrimPrefix(r.URL.Path, "/bucket/")] == nil {
				http.NotFound(w, r)
			}
			_, _ = w.Write(bodies[strings.TrimPrefix(r.URL.Path, "/bucket/")])
			return
		}
		var page strings.Builder
		first := sort.SearchStrings(keys, max(q.Get("prefix"), q.Get("start-after")+"\x00", q.Get("continuation-token")+"\x00"))
		last := first
		for ; last < len(keys) && last < first+1000 && strings.HasPrefix(keys[last], q.Get("prefix")); last++ {
			fmt.Fprintf(&page, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", keys[last], len(bodies[keys[last]]))
		}
		more := last < len(keys) && strings.HasPrefix(keys[last], q.Get("prefix"))
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%s</NextContinuationToken>%s</ListBucketResult>", more, keys[max(0, last-1)], page.String())
	}))
	defer server.Close()
	bucket, err := archive.Open(b.Context(), "s3://bucket", archive.S3Config{Endpoint: server.URL, Region: "us-east-1", PathStyle: true, Connections: 64})
	must(b, err)
	for b.Loop() {
		all, err := Fleet(b.Context(), bucket, Options{Since: began.AddDate(0, 0, -1), Note: func(text string) { b.Error(text) }}, began)
		if must(b, err); len(all) != nodes || all[7].State != "silent" {
			b.Fatalf("%d nodes, %+v", len(all), all[7])
		}
	}
	b.ReportMetric(float64(requests.Load())/float64(b.N), "requests/op")
}
