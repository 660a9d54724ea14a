//go:build e2e

package controlplane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/traffic"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// everything logs all that kube-apiserver can log.
const everything = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n"

// within is by how much a log may differ from its prediction.
const within = 0.02

// The log of another policy is, within 2 %, what `policy advise --candidate` predicts from today's:
// a kube-apiserver of its own gets the candidate and the same requests, one after the other.
//
// Compared are the test's own requests, together and by kind of event. The sums of the whole log are
// printed: kube-apiserver's own requests, such as leases, depend on how long it runs.
func TestAdviseOracle(t *testing.T) {
	now := logWith(t, "now", []byte(everything))
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"shipped", manifests.AuditPolicy()},
		{"metadata", []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n")},
		{"request", []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitManagedFields: true\nrules:\n" +
			"- {level: None, verbs: [get, list, watch], resources: [{group: \"\"}]}\n- {level: RequestResponse, verbs: [patch]}\n- {level: Request}\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := logWith(t, c.name, c.text)
			var table strings.Builder
			fmt.Fprintf(&table, "%-42s %8s %8s %11s %11s %8s\n", "kind of event", "events", "written", "predicted", "written", "differ")
			compare := func(kind string, a, b []byte, most float64) {
				want, is := predict(t, a, c.text), sum{int64(bytes.Count(b, []byte("\n"))), int64(len(b))}
				if want == (sum{}) && is == (sum{}) {
					return
				}
				differ := float64(is.Bytes-want.Bytes) / math.Max(1, float64(want.Bytes))
				fmt.Fprintf(&table, "%-42s %8d %8d %11d %11d %+7.2f%%\n", kind, want.Events, is.Events, want.Bytes, is.Bytes, 100*differ)
				if math.Abs(differ) > most {
					t.Errorf("%s: predicted %+v, the log has %+v", kind, want, is)
				}
			}
			compare("the whole log", now, got, math.Inf(1))
			before, after := kinds(t, now), kinds(t, got)
			all := func(of map[string][]byte) []byte { return bytes.Join(slices.Collect(maps.Values(of)), nil) }
			compare("the requests of the test", all(before), all(after), within)
			for kind := range after {
				if before[kind] == nil {
					t.Errorf("%s: no event of this kind to predict it from", kind)
				}
			}
			for _, kind := range slices.Sorted(maps.Keys(before)) {
				compare(kind, before[kind], after[kind], within)
			}
			t.Logf("policy %s:\n%s", c.name, table.String())
		})
	}
}

// logWith returns the log of a kube-apiserver with a policy and an empty etcd after some requests.
func logWith(t *testing.T, name string, policy []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	home := filepath.Join(dir, "kube-apiserver")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	api, err := cluster.New(cluster.Config{
		Binary: cluster.KubeAPIServer(t), EtcdURL: etcd(t), Prefix: "/advise-" + name, Dir: home, AuditDir: filepath.Join(dir, "audit"), Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Kill()
	if err := api.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin, err := api.Client("")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := api.Client("e2e-nobody")
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 60
	if n := traffic.Make(t.Context(), traffic.Clients{Admin: admin, Nobody: nobody}, "advise", 1, rounds); n < 12*rounds {
		t.Fatalf("%d requests were answered", n)
	}
	if err := api.Terminate(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(api.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// sum is a number of events and their bytes.
type sum struct{ Events, Bytes int64 }

// predict returns the log that a candidate would have written.
func predict(t *testing.T, log, candidate []byte) sum {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r := sidecar.Call(t, catchUp, sidecar.Config{Binary: binary, Args: []string{
		"policy", "advise", file("audit.log", log), "--policy", file("now.yaml", []byte(everything)), "--candidate", file("candidate.yaml", candidate), "-o", "json",
	}})
	var report struct{ Candidate struct{ After sum } }
	if err := json.Unmarshal(r.Stdout, &report); err != nil || r.Code != 0 {
		t.Fatalf("policy advise: exit %d, %v\n%s", r.Code, err, r.Stderr)
	}
	return report.Candidate.After
}

// kinds returns the events of the test's own requests, by verb, resource and stage.
func kinds(t *testing.T, log []byte) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for line := range bytes.Lines(log) {
		var e struct {
			UserAgent, Verb, Stage string
			ObjectRef              struct{ Resource, Subresource string }
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if e.UserAgent == audittest.TrafficAgent {
			kind := strings.TrimSuffix(e.Verb+" "+e.ObjectRef.Resource+"/"+e.ObjectRef.Subresource, "/") + " " + e.Stage
			all[kind] = append(all[kind], line...)
		}
	}
	return all
}
