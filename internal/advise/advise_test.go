package advise

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/policy"
	"github.com/auditsidecar/auditsidecar/manifests"
)

func parsed(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, findings, ok := policy.Parse([]byte(text))
	if !ok {
		t.Fatalf("policy: %v", findings)
	}
	return &p
}

func withRules(t testing.TB, rules string) *policy.Policy {
	t.Helper()
	return parsed(t, "apiVersion: audit.k8s.io/v1\nkind: Policy\n"+rules)
}

// feed adds lines and returns the report.
func feed(a *Advisor, log []byte) *Report {
	var d auditline.Decoder
	var e auditline.Event
	for line := range bytes.Lines(log) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		e.Release()
		d.Line(line, &e)
		us, _ := e.StageTime()
		a.Add(&e, line, time.UnixMicro(us).UTC())
	}
	return a.Report()
}

// The rules have all events and all bytes of a log.
func TestRulesAddUp(t *testing.T) {
	log := audittest.Corpus(t, "rotated.log")
	r := feed(New(parsed(t, string(manifests.AuditPolicy()))), log)
	var sum Sum
	for _, rule := range r.Rules {
		sum.Events, sum.Bytes = sum.Events+rule.Events, sum.Bytes+rule.Bytes
	}
	if want := (Sum{int64(bytes.Count(log, []byte("\n"))), int64(len(log))}); r.Sum != want || sum != want {
		t.Errorf("the log has %v, the report %v, its rules %v", want, r.Sum, sum)
	}
	if len(r.Proposals) == 0 {
		t.Error("no proposal for a log with leases and watches")
	}
}

// The size predicted for a lower level is, to the byte, that of kube-apiserver's line at it.
func TestSizeOfLowerLevels(t *testing.T) {
	const head = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"%s","auditID":"a","stage":"ResponseComplete",` +
		`"requestURI":"/api/v1/namespaces/n/configmaps","verb":"create","user":{"username":"u","groups":["g"]},"sourceIPs":["::1"],` +
		`"objectRef":{"resource":"configmaps","namespace":"n","name":"x","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},`
	const request, response = `"requestObject":{"metadata":{"name":"x"}},`, `"responseObject":{"metadata":{"name":"x","managedFields":[{"a":["]"]}],"uid":"1"}},`
	const tail = `"requestReceivedTimestamp":"2026-11-22T10:00:00.000001Z","stageTimestamp":"2026-11-22T10:00:00.000002Z"}`
	full := fmt.Sprintf(head, "RequestResponse") + request + response + tail
	for _, test := range []struct{ rules, want string }{
		{"rules: [{level: RequestResponse}]", full},
		{"rules: [{level: Request}]", fmt.Sprintf(head, "Request") + request + tail},
		{"rules: [{level: Metadata}]", fmt.Sprintf(head, "Metadata") + tail},
		{"rules: [{level: RequestResponse, omitManagedFields: true}]", strings.Replace(full, `"managedFields":[{"a":["]"]}],`, "", 1)},
		{"omitManagedFields: true\nrules: [{level: RequestResponse, omitManagedFields: false}]", full},
		{"rules: [{level: None}]", ""},
		{"omitStages: [ResponseComplete]\nrules: [{level: RequestResponse}]", ""},
		{"rules: [{level: RequestResponse, users: [v]}]", ""},
		{"rules: [{level: Metadata, resources: [{group: '', resources: [configmaps], resourceNames: [x]}]}]", ""}, // a create has no name
	} {
		a := New(withRules(t, "rules: [{level: RequestResponse}]"))
		a.Candidate = withRules(t, test.rules)
		r := feed(a, []byte(full+"\n"))
		want := Sum{}
		if test.want != "" {
			want.add(int64(len(test.want)) + 1)
		}
		if r.Candidate.After != want {
			t.Errorf("%s: predicted %v, want %v", test.rules, r.Candidate.After, want)
		}
	}
}

// A policy with a proposal blinds no more detections than without it, and kube-apiserver takes it.
func TestProposalsLoseNoDetection(t *testing.T) {
	shipped := string(manifests.AuditPolicy())
	before := policy.Lint([]byte(shipped))
	for _, p := range proposals() {
		if len(p.rule.Rules) != 1 {
			t.Fatalf("%s: not a rule: %s", p.name, p.yaml)
		}
		head, rules, _ := strings.Cut(shipped, "\nrules:\n")
		c := policy.Compare(before, policy.Lint([]byte(head+"\nrules:\n  - "+p.yaml+"\n"+rules)))
		if len(c.Blinded) > 0 {
			t.Errorf("%s: %q", p.name, c.Blinded)
		}
	}
}

func TestLinesThatAreNoEvents(t *testing.T) {
	a := New(withRules(t, "rules: [{level: Metadata}]"))
	a.Candidate = withRules(t, "rules: [{level: None}]")
	r := feed(a, []byte("torn\n{}\n\n"))
	if r.Unread.Events != 3 || r.Events != 3 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if err := r.Write(&out, Prices{Loki: 1, Archive: 1, Ratio: 0.1}); err != nil || !strings.Contains(out.String(), "3 lines") || strings.Contains(out.String(), "0001") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func FuzzAdd(f *testing.F) {
	f.Add([]byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a","stage":"Panic","verb":"create","requestObject":{"managedFields":[`))
	f.Fuzz(func(t *testing.T, log []byte) {
		a := New(withRules(t, "rules: [{level: Request, users: [u]}, {level: Metadata}]"))
		a.Candidate = withRules(t, "omitManagedFields: true\nrules: [{level: Metadata}]")
		r := feed(a, log)
		if c := r.Candidate; c.After.Bytes > c.Before.Bytes || c.After.Bytes < 0 {
			t.Errorf("from %d bytes to %d", c.Before.Bytes, c.After.Bytes)
		}
	})
}
