package detect_test

import (
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

func TestParseAllow(t *testing.T) {
	s := source(t)
	for name, test := range map[string]struct{ text, want string }{
		"not YAML":             {"allow: [", "allow.yaml: "},
		"no entries":           {"allow: []", "expected 1 to"},
		"an unknown field":     {"allow: [{alert: AuditExec, users: a}]", "field users not found"},
		"an unknown alert":     {"allow: [{alert: AuditX, user: a, reason: r, until: 2030-12-31}]", "no alert of this name"},
		"no user":              {"allow: [{alert: AuditExec, reason: r, until: 2030-12-31}]", "user: expected"},
		"everybody":            {"allow: [{alert: AuditExec, user: '*', reason: r, until: 2030-12-31}]", "for everybody"},
		"no reason":            {"allow: [{alert: AuditExec, user: a, until: 2030-12-31}]", "reason: expected"},
		"no day":               {"allow: [{alert: AuditExec, user: a, reason: r}]", "until: expected a day such as 2030-07-02"},
		"a time":               {"allow: [{alert: AuditExec, user: a, reason: r, until: '2030-12-31T00:00:00Z'}]", "until: expected"},
		"expired":              {"allow: [{alert: AuditExec, user: a, reason: r, until: 2030-01-01}]", "it expired on 2030-01-01"},
		"an alert on no event": {"allow: [{alert: AuditSilent, user: a, reason: r, until: 2030-12-31}]", "takes no exception"},
		"a quotation mark":     {"allow: [{alert: AuditExec, user: \"a'b\", reason: r, until: 2030-12-31}]", "quotation marks"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := detect.ParseAllow("allow.yaml", []byte(test.text), s, noon); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// An entry takes events of its account and namespace out of its alert, no others.
func TestAllow(t *testing.T) {
	s := source(t)
	allow, err := detect.ParseAllow("allow.yaml", []byte("allow: [{alert: AuditNamespaceDeleted, user: 'system:serviceaccount:ci:*', reason: r, until: 2030-12-31},"+
		"{alert: AuditRBACChanged, user: a.b@example.com, namespace: review-*, reason: r, until: 2030-12-31}]"), s, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		event detecttest.Event
		fires bool
	}{
		{detecttest.Event{User: "system:serviceaccount:ci:deployer", Verb: "delete", Res: "namespaces", Name: "x"}, false},
		{detecttest.Event{User: "system:serviceaccount:cia:deployer", Verb: "delete", Res: "namespaces", Name: "x"}, true},
		{detecttest.Event{User: "system:serviceaccount:ci:deployer", Verb: "create", Res: "roles", NS: "review-1", Name: "x"}, true},
		{detecttest.Event{User: "a.b@example.com", Verb: "create", Res: "roles", NS: "review-1", Name: "x"}, false},
		{detecttest.Event{User: "a.b@example.com", Verb: "create", Res: "roles", NS: "shop", Name: "x"}, true},
		{detecttest.Event{User: "axb@example.com", Verb: "create", Res: "roles", NS: "review-1", Name: "x"}, true},
	} {
		lines, err := test.event.Lines(noon)
		if err != nil {
			t.Fatal(err)
		}
		if names := fired(s, parse(t, lines), allow); (len(names) > 0) != test.fires {
			t.Errorf("%+v fires %q", test.event, names)
		}
	}
}

func FuzzParseAllow(f *testing.F) {
	s := source(f)
	f.Add([]byte("allow: [{alert: AuditExec, user: a*, namespace: b, reason: r, until: 2030-12-31}]"))
	f.Add([]byte("a: &a [*a]\nallow: *a"))
	f.Fuzz(func(t *testing.T, content []byte) {
		allow, err := detect.ParseAllow("x", content, s, noon)
		if err == nil && (len(allow) == 0 || s.Find(allow[0].Alert).Rule("", allow) == s.Find(allow[0].Alert).Rule("", nil)) {
			t.Errorf("%q changes no rule", content)
		}
	})
}

func FuzzParse(f *testing.F) {
	s := source(f)
	lines, err := detecttest.Event{User: "eve", Verb: "create", Res: "pods", NS: "shop", Name: "p", Body: map[string]any{"kind": "Pod"}}.Lines(noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(lines[0])
	f.Add([]byte(`{"user":[],"objectRef":null,"requestObject":{"a":`))
	f.Fuzz(func(_ *testing.T, line []byte) {
		e, _ := detecttest.Parse(line)
		fired(s, []detecttest.Logged{e}, nil) // no panic on any event
	})
}
