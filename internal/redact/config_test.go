package redact

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const ruleFile = `# what this cluster has besides
disable: [configmaps]
enable: [configmap-reads]
rules:
  - name: environment
    group: apps
    resource: deployments
    subresource: ""
    paths:
      - requestObject.spec.template.spec.containers[*].env[*].value
      - responseObject.spec.template.spec.containers[*].env[*].value
  - name: notes
    resource: "*"
    paths: ['annotations["example.com/note"]', requestObject.x.*.y]
`

func parsed(t *testing.T, text string) Config {
	t.Helper()
	c, err := parseConfig("rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOwnRules(t *testing.T) {
	r := newTest(t, parsed(t, ruleFile))
	deployment := func(ref, rest string) string {
		return eventIn("/apis", `"resource":"deployments","namespace":"n","apiGroup":"apps","apiVersion":"v1"`+ref, "update", `"code":200`, rest)
	}
	const template = `"spec":{"template":{"spec":{"containers":[{"name":"a","env":[{"name":"A","value":‹"b"›},{"name":"C","valueFrom":{"x":"y"}}]},{"env":[{"value":‹1›}]}]}}}`
	for name, text := range map[string]string{
		"object":              deployment("", `"requestObject":{`+template+`,"value":"v"}`),
		"list":                deployment("", `"responseObject":{"items":[{`+template+`},{}]}`),
		"strategic patch":     deployment("", `"requestObject":{`+template+`}`),
		"JSON patch":          deployment("", `"requestObject":[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"A","value":‹"b"›}},{"op":"add","path":"/spec/template/spec/containers/0/env/0/value","value":‹"b"›},{"op":"add","path":"/spec/template/spec/containers/0/image","value":"i"}]`),
		"another group":       strings.Replace(deployment("", `"requestObject":{`+template+`}`), `"apiGroup":"apps"`, `"apiGroup":"x"`, 1),
		"a subresource":       deployment(`,"subresource":"scale"`, `"requestObject":{`+template+`}`),
		"any resource":        event("pods", "create", `"requestObject":{"x":{"p":{"y":‹"1"›},"q":{"y":{"z":‹"2"›}},"y":"3"}}`),
		"annotation":          strings.Replace(event("pods", "get", ""), `"a":"b"`, `"a":"b","example.com/note":‹"n"›`, 1),
		"ConfigMap written":   event("configmaps", "update", `"requestObject":{"data":{"a":‹"b"›}}`),
		"ConfigMap read":      event("configmaps", "get", `"responseObject":{"data":{"a":‹"b"›}}`),
		"Secrets as before":   event("secrets", "get", `"responseObject":{"data":{"a":‹"b"›}}`),
		"nothing of the kind": event("pods", "create", `"requestObject":{"spec":{"containers":[{"env":[{"value":"b"}]}]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "another group" || name == "a subresource" {
				text = strings.NewReplacer("‹", "", "›", "").Replace(text)
			}
			line, want := marked(r, text)
			if out, _ := r.Line(nil, []byte(line)); string(out) != want {
				t.Errorf("got  %s\nwant %s", out, want)
			}
		})
	}
}

func builtinNames() (names []string) {
	for _, b := range Builtins() {
		names = append(names, b.Name)
	}
	return names
}

// urisOnly switches all but one rule off.
func urisOnly() Config {
	return Config{Disable: slices.DeleteFunc(builtinNames(), func(name string) bool { return name == ruleURIs })}
}

// Rules reach every part of an event, and nothing else of it.
func TestRulePaths(t *testing.T) {
	for path, text := range map[string]string{
		`requestURI`:                         eventParts{uri: "‹/x?a=b›"}.line(),
		`requestURI.command`:                 eventParts{uri: `/x?command=‹ls›\u0026container=c\u0026COMMAND=‹-l›&command=`}.line(),
		`requestURI["a.b"]`:                  eventParts{uri: "/x?a.b=‹c›&ab=d&a%2Eb=‹e;f#a.b=g›"}.line(),
		`requestURI.*`:                       eventParts{uri: "/x;a=‹b›/c?d=‹e›"}.line(),
		`user`:                               eventParts{user: `{"username":‹"u"›,"groups":[‹"g"›],"extra":{"x":[‹"y"›]}}`}.line(),
		`user.extra["x.y/z"]`:                eventParts{user: `{"username":"u","extra":{"x.y/z":[‹"a"›,‹"b"›],"x":["c"]}}`}.line(),
		`user.groups[*]`:                     eventParts{user: `{"username":"u","groups":[‹"g"›,‹"h"›]}`}.line(),
		`impersonatedUser.username`:          eventParts{imp: `{"username":‹"u"›,"uid":"v"}`}.line(),
		`impersonatedUser.extra.*`:           eventParts{imp: `{"username":"u","extra":{"x":[‹"y"›]}}`}.line(),
		`userAgent`:                          strings.Replace(eventParts{agent: `curl/8 \"x\"`}.line(), `"curl/8 \"x\""`, `‹"curl/8 \"x\""›`, 1),
		`authenticationMetadata`:             eventParts{authn: `{"impersonationConstraint":‹"c"›}`}.line(),
		`sourceIPs`:                          eventParts{ips: `[‹"10.0.0.1"›,‹"::1"›]`}.line(),
		`responseStatus.message`:             eventParts{status: `"message":‹"m"›,"code":400`}.line(),
		`requestObject.env[name=~"^A|B"]`:    eventParts{request: `{"env":[{"name":‹"AX"›,"value":‹"1"›},{"name":"XA","value":"2"},{"value":‹"3"›,"name":‹"XB"›},{"value":"4"},"A",["A"]]}`}.line(),
		`requestObject.env[name="A"].value`:  eventParts{request: `{"env":[{"name":"A","value":‹"1"›},{"name":"AA","value":"2"}],"items":[{"env":[{"NAME":"\u0041","value":‹1›}]}]}`}.line(),
		`responseObject.env[name="A"].value`: eventParts{verb: "patch", response: `[{"op":"add","path":"/env/-","value":{"name":"A","value":‹"1"›}},{"op":"add","path":"/env/-","value":{"name":"B","value":"2"}},{"op":"add","path":"/env/0/value","value":‹"3"›},{"op":"add","path":"/env","value":[{"name":"A","value":‹"4"›},{"name":"B","value":"5"}]}]`}.line(),
	} {
		t.Run(path, func(t *testing.T) {
			r := newTest(t, Config{Disable: builtinNames(), Rules: []Rule{{Name: "x", Resource: new("*"), Paths: []string{path}}}})
			line, want := marked(r, text)
			if out, _ := r.Line(nil, []byte(line)); string(out) != want {
				t.Errorf("got  %s\nwant %s", out, want)
			}
			if out, changed := r.Line(nil, []byte(want)); changed {
				t.Errorf("redacted twice it is %s", out)
			}
		})
	}
}

// A rule that is switched off replaces nothing, and the others still apply.
func TestDisable(t *testing.T) {
	off := newTest(t, Config{Disable: builtinNames()})
	for _, c := range cases() {
		line, _ := marked(off, c.line)
		if out, changed := off.Line(nil, []byte(line)); changed {
			t.Errorf("%s: everything is off, and it became %s", c.name, out)
		}
	}
	torn := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/x?token=hunter2","requestObject":{"data":"d`
	if out, changed := off.Line(nil, []byte(torn)); changed {
		t.Errorf("everything is off, and it became %s", out)
	}
}

func TestConfigMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"disable: [secret]", `there is no rule "secret"`},
		{"enable: [secrets]\ndisable: [secrets]", "both enabled and disabled"},
		{"disabled: [secrets]", "rules.yaml:1: field disabled not found"},
		{"rules:\n  - name: a\n    resource: pods\n    paths: [requestObject]\n    verb: x", "rules.yaml:5: field verb not found"},
		{"rules: x", "rules.yaml:1: cannot unmarshal"},
		{"disable: [", "rules.yaml:1: did not find expected node content"},
		{"disable: []\n---\nenable: []", "rules.yaml:2: a second YAML document"},
		{"rules:\n  - resource: pods\n    paths: [requestObject]", `rules.yaml:2: rule "": it has no name`},
		{"rules:\n  - name: a\n    paths: [requestObject]", "it has no resource"},
		{"rules:\n  - name: a\n    resource: pods", "it has no paths"},
		{"rules:\n  - name: a\n    resource: pods\n    paths: [x, requestObject.]\n", `path "x": it begins with none of requestObject, responseObject`},
		{"rules:\n\n  - name: a\n    resource: pods\n    paths: [x, requestObject.]\n", "rules.yaml:3: rule"},
		{"rules:\n  - name: a\n    resource: pods\n    paths: [x, requestObject.]\n", `path "requestObject.": at character 14: expected .name`},
		{"rules:\n  - {name: a, resource: pods, paths: ['requestObject.a[0]']}", `at character 16: expected .name, .*, ["name"], [*], [name="text"] or [name=~"regexp"]`},
		{"rules:\n  - {name: a, resource: pods, paths: ['requestObject[\"a']}", `at character 14: expected .name`},
		{"rules:\n  - {name: a, resource: pods, paths: ['requestObject.a[b=~\"(\"]']}", "missing closing )"},
		{"rules:\n  - {name: a, resource: pods, paths: ['requestObject.a[b]']}", `at character 16: expected .name`},
		{"rules:\n  - {name: a, resource: pods, paths: [requestURI.a.b]}", "nothing below a parameter of requestURI"},
		{"rules:\n  - {name: a, resource: pods, paths: ['userAgent.a']}", "or below userAgent"},
		{"rules:\n  - {name: a, resource: pods, paths: [objectRef.name]}", "none of requestObject, responseObject, responseStatus, annotations, requestURI, user,"},
		{"rules:\n  - {name: a, resource: pods, paths: ['requestObject.a*']}", `at character 16: expected .name`},
		{"rules:\n  - {name: a, resource: pods, paths: ['']}", "at character 1: expected .name"},
		{"rules:\n  - {name: a, resource: pods, paths: ['[*]']}", "at character 1: expected .name"},
	} {
		_, err := parseConfig("rules.yaml", []byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %q", test.text, err, test.want)
		}
	}
	for _, text := range []string{"", "# nothing\n", "disable: []\n"} {
		c := parsed(t, text)
		for _, b := range Builtins() {
			if c.Uses(b) != b.Default {
				t.Errorf("%q: rule %s is used: %t", text, b.Name, c.Uses(b))
			}
		}
	}
	if _, err := ReadConfig(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// The hash of a policy changes with its effect, and with nothing else.
func TestPolicyHash(t *testing.T) {
	hash := func(c Config) string {
		p, err := NewPolicy(c)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash()
	}
	seen := map[string]string{}
	for name, c := range map[string]Config{
		"default": {}, "one less": {Disable: []string{ruleTokens}}, "one more": {Enable: []string{ruleConfigMapReads}}, "own": parsed(t, ruleFile),
		"another path": parsed(t, strings.Replace(ruleFile, "x.*.y", "x.*.z", 1)), "another group": parsed(t, strings.Replace(ruleFile, "group: apps", "", 1)),
	} {
		h := hash(c)
		if len(h) != 64 || seen[h] != "" || h != hash(c) {
			t.Errorf("%s: %s, like %q", name, h, seen[h])
		}
		seen[h] = name
	}
	if hash(Config{}) != hash(parsed(t, "# a comment\n")) || hash(Config{}) != hash(Config{Enable: []string{ruleSecrets}}) {
		t.Error("the same rules have two hashes")
	}
	if _, err := NewPolicy(Config{Rules: []Rule{{Name: "x"}}}); err == nil {
		t.Error("a rule without anything is taken")
	}
}

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, key []byte, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, key, 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := func(name string, size int, mode fs.FileMode) string {
		return write(name, []byte("0123456789abcdef0123456789abcdef0")[:size], mode)
	}
	for _, test := range []struct{ path, want string }{
		{file("good", 32, 0o600), ""},
		{file("read-only", 32, 0o400), ""},
		{file("short", 31, 0o600), "31 bytes"},
		{file("long", 33, 0o600), "33 bytes"},
		{file("group", 32, 0o640), "mode 0640"},
		{file("all", 32, 0o604), "mode 0604"},
		{dir, "no regular file"},
		{write("nuls", make([]byte, KeySize), 0o600), "all its bytes are equal"},
		{write("letters", bytes.Repeat([]byte("x"), KeySize), 0o600), "all its bytes are equal"},
	} {
		_, err := ReadKey(test.path)
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", test.path, err)
		}
	}
	if _, err := ReadKey(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrBadKey) {
		t.Errorf("error %v", err)
	}
	if a, b := NewKey(), NewKey(); a == b || a.ID() == b.ID() || len(a.ID()) != 16 {
		t.Errorf("IDs %s, %s", a.ID(), b.ID())
	}
}

func FuzzParsePath(f *testing.F) {
	for _, p := range []string{`requestObject.a[*].b`, `annotations["a.b/c"].*`, `x..`, `a["`, `["a"]`, `.`, `a]`} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		segments, err := parsePath(path)
		if err == nil && len(segments) == 0 {
			t.Errorf("%q: no segments", path)
		}
	})
}
