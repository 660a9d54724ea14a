package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// leakSecret is in each line of leakCases, and must be in none that leaves the node.
const leakSecret = "LEAK7zQx7secretWord"

// leakCase is a line with the secret in it. Without a rule it is clean by default. Otherwise
// the secret stays by default, and the rule of that name replaces it: one that is off by default, or
// one of manifests/redaction-rules.yaml.
type leakCase struct{ name, rule, line string }

// part of an event: its members, in kube-apiserver's order, by short names.
type eventParts struct {
	resource, sub, group, verb, uri             string
	user, imp, authn, ips, agent                string // JSON, without quotes for agent
	status, request, response, annotations, ref string // JSON
}

func (p eventParts) line() string {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	opt := func(name, value string) string {
		if value == "" {
			return ""
		}
		return `,"` + name + `":` + value
	}
	ref := `{"resource":"` + or(p.resource, "pods") + `","namespace":"n","name":"x"`
	if p.group != "" {
		ref += `,"apiGroup":"` + p.group + `"`
	}
	ref += `,"apiVersion":"v1"`
	if p.sub != "" {
		ref += `,"subresource":"` + p.sub + `"`
	}
	return eventHead + `,"level":"RequestResponse","auditID":"a","stage":"ResponseComplete","requestURI":"` + or(p.uri, "/api/v1/namespaces/n/x") +
		`","verb":"` + or(p.verb, "create") + `","user":` + or(p.user, `{"username":"u","groups":["system:authenticated"]}`) +
		opt("impersonatedUser", p.imp) + opt("authenticationMetadata", p.authn) + `,"sourceIPs":` + or(p.ips, `["10.0.0.1"]`) +
		`,"userAgent":"` + or(p.agent, "kubectl/v1.37.2") + `","objectRef":` + or(p.ref, ref+"}") +
		`,"responseStatus":{"metadata":{},` + or(p.status, `"code":200`) + `}` + opt("requestObject", p.request) + opt("responseObject", p.response) +
		`,"requestReceivedTimestamp":"2026-11-29T17:00:00.000000Z","stageTimestamp":"2026-11-29T17:00:00.000001Z","annotations":` +
		or(p.annotations, `{"authorization.k8s.io/decision":"allow"}`) + `}`
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}`)

// leaks says whether a text has the secret in it, be it in base64, in base64 of that, or percent-encoded.
func leaks(text []byte, depth int) bool {
	text = bytes.ReplaceAll(text, []byte(`\n`), nil) // in base64
	if bytes.Contains(text, []byte(leakSecret[:10])) || bytes.Contains(text, []byte("H4sI")) {
		return true
	}
	if depth == 0 {
		return false
	}
	for _, run := range base64Run.FindAll(text, -1) {
		run = []byte(strings.NewReplacer("-", "+", "_", "/").Replace(string(run)))
		for offset := range 4 {
			part := run[min(offset, len(run)):]
			plain, _ := base64.StdEncoding.DecodeString(string(part[:len(part)/4*4]))
			if leaks(plain, depth-1) {
				return true
			}
		}
	}
	return false
}

func shippedRules(t testing.TB) Config {
	c, err := ReadConfig(filepath.Join("..", "..", "manifests", "redaction-rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// with returns the configuration that has one rule besides those that are on by default.
func with(t testing.TB, shipped Config, name string) Config {
	for _, own := range shipped.Rules {
		if own.Name == name {
			return Config{Rules: []Rule{own}}
		}
	}
	if name == "" {
		return Config{}
	}
	return Config{Enable: []string{name}}
}

// Every promised value is replaced, in each form; others stay, and the rule for it replaces
// it; all rules together replace everything.
func TestLeaks(t *testing.T) {
	shipped := shippedRules(t)
	byDefault, everything := newTest(t, Config{}), newTest(t, shipped)
	used := map[string]int{}
	ruled := map[string]*Redactor{} // by the case's rule alone
	for i, c := range leakCases() {
		if ruled[c.rule] == nil {
			ruled[c.rule] = newTest(t, with(t, shipped, c.rule))
		}
		line := []byte(c.line)
		if !json.Valid(line) {
			t.Fatalf("%s: no JSON: %s", c.name, c.line)
		}
		used[c.rule]++
		out, _ := byDefault.Line(nil, line)
		if got := leaks(out, 2); got != (c.rule != "") {
			t.Errorf("%s: leaks by default: %t, rule %q: %.1500s", c.name, got, c.rule, out)
		}
		redactors := map[string]*Redactor{"the rule": ruled[c.rule], "all rules": everything}
		if testing.Short() && i%4 > 0 {
			delete(redactors, "all rules") // the case's own is among them
		}
		for name, r := range redactors {
			out, _ := r.Line(nil, line)
			again, changed := r.Line(nil, out)
			switch {
			case leaks(out, 2):
				t.Errorf("%s: leaks with %s %q: %.1500s", c.name, name, c.rule, out)
			case !json.Valid(out):
				t.Errorf("%s: no JSON any more: %.1500s", c.name, out)
			case changed:
				t.Errorf("%s: redacted twice it is another line: %.800s\n%.800s", c.name, out, again)
			}
		}
	}
	for _, own := range shipped.Rules {
		if used[own.Name] == 0 {
			t.Errorf("no case for the rule %s of the shipped file", own.Name)
		}
	}
	t.Logf("%d cases are clean by default, %d by a rule", used[""], len(leakCases())-used[""])
}

// Lines that are torn, or glued to another, show nothing either.
func TestTornLeaks(t *testing.T) {
	r := newTest(t, shippedRules(t))
	whole := eventParts{resource: "pods"}.line()
	step := 37
	if testing.Short() {
		step = 499
	}
	for i, c := range leakCases() {
		if len(c.line) > 10_000 {
			continue
		}
		for cut := 1 + i*7%step; cut < len(c.line); cut += step {
			for _, line := range []string{c.line[:cut], c.line[:cut] + whole, c.line[cut:], c.line[:cut] + c.line} {
				if out, _ := r.Line(nil, []byte(line)); leaks(out, 1) {
					t.Fatalf("%s, cut at %d: of %s\nstays %s", c.name, cut, line, out)
				}
			}
		}
	}
}

// The page has each rule that need not be written, and whether it is on by default; and each rule of
// the shipped file.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "redaction.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range Builtins() {
		row := fmt.Sprintf("\n| `%s` | %s |", b.Name, map[bool]string{true: "on", false: "off"}[b.Default])
		if !bytes.Contains(page, []byte(row)) {
			t.Errorf("docs/redaction.md has no row %q", row)
		}
	}
	for _, own := range shippedRules(t).Rules {
		if !bytes.Contains(page, []byte("`"+own.Name+"`")) {
			t.Errorf("docs/redaction.md does not name the rule %s of manifests/redaction-rules.yaml", own.Name)
		}
	}
}
