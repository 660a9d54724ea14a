package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

var testKey = Key{1, 2, 3}

func newTest(t testing.TB, c Config) *Redactor {
	t.Helper()
	p, err := NewPolicy(c)
	if err != nil {
		t.Fatal(err)
	}
	return New(p, testKey)
}

// leaf is a value of a JSON text that is neither object nor list, and the
// names and indices that lead to it.
type leaf struct {
	path  string
	value any
}

func leavesOf(path string, v any) (all []leaf) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			all = append(all, leavesOf(fmt.Sprintf("%s/%d", path, i), item)...)
		}
	case map[string]any:
		for key, item := range v {
			all = append(all, leavesOf(path+"/"+strings.ReplaceAll(key, "/", "~"), item)...)
		}
	default:
		all = append(all, leaf{path, v})
	}
	return all
}

func decode(t testing.TB, line []byte) map[string]any {
	t.Helper()
	var event map[string]any
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&event); err != nil {
		t.Fatalf("%v: %.500s", err, line)
	}
	return event
}

// mustGo says, by a reading of its own, which leaves of an event of the real
// logs are to be replaced.
func mustGo(event map[string]any, path string, value any) bool {
	ref, _ := event["objectRef"].(map[string]any)
	resource, verb := ref["resource"], event["verb"]
	steps := strings.Split(path, "/")[1:]
	if steps[0] == "annotations" && (strings.HasPrefix(steps[1], "patch.webhook.admission.k8s.io~") || strings.HasSuffix(steps[1], "~validation_failure")) {
		return resource == "secrets" || resource == "configmaps"
	}
	if failed.MatchString(path) {
		return mayQuote(event)
	}
	if steps[0] != "requestObject" && steps[0] != "responseObject" {
		return false
	}
	of := resource == "secrets" || resource == "configmaps" && verb != "get" && verb != "list" && verb != "watch"
	text, _ := value.(string)
	lines := strings.Contains(text, "\n") || strings.Contains(text, "{") || len(text) >= 40 && !strings.ContainsAny(text, " .:,")
	if op := patchPath(event, steps); strings.HasPrefix(op, "/metadata/annotations/") {
		return of && lines && steps[len(steps)-1] == "value"
	} else if op != "" {
		return steps[len(steps)-1] == "value" && strings.Contains(op, "ata/") && !strings.HasPrefix(op, "/metadata")
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(steps[:len(steps)-1], name) })
	}
	applied := slices.Contains(steps, "kubectl.kubernetes.io~last-applied-configuration")
	if slices.Contains(steps, "managedFields") || slices.Contains(steps, "columnDefinitions") {
		return false
	}
	if of && lines && steps[len(steps)-2] == "annotations" {
		return true
	}
	switch {
	case resource == "secrets":
		return has("data", "stringData") || applied
	case resource == "configmaps":
		return verb != "get" && verb != "list" && verb != "watch" && (has("data", "binaryData") || applied)
	case resource == "tokenreviews", ref["subresource"] == "token":
		return steps[len(steps)-1] == "token"
	}
	return false
}

var (
	failed = regexp.MustCompile(`^/response(Status|Object)(/details/causes/\d+)?/message$`)
	// refusals in the corpora that only name the refused object
	naming = regexp.MustCompile(`^[a-z.0-9]+( ".*")? (is forbidden: User .*|not found|already exists)$|^Operation cannot be fulfilled on |^Apply failed with |` +
		`^Unauthorized$|^Authentication failed, |^the server does not allow this method |^namespaces ".*" not found|^storage is .re.initializing$|^Too many requests`)
)

// mayQuote says whether the message of a failure may quote the request.
func mayQuote(event map[string]any) bool {
	ref, _ := event["objectRef"].(map[string]any)
	status, _ := event["responseStatus"].(map[string]any)
	message, _ := status["message"].(string)
	switch event["verb"] {
	case "get", "list", "watch":
		return ref["resource"] == "secrets" && !naming.MatchString(message)
	}
	return (ref["resource"] == "secrets" || ref["resource"] == "configmaps") && !naming.MatchString(message)
}

// patchPath is the path of the operation that a step into a JSON patch leads to.
func patchPath(event map[string]any, steps []string) string {
	list, _ := event[steps[0]].([]any)
	var n int
	if _, err := fmt.Sscan(steps[1], &n); list == nil || err != nil {
		return ""
	}
	path, _ := list[n].(map[string]any)["path"].(string)
	return path
}

// TestCorpus compares every value of every event in real logs, as encoding/json
// reads them, before and after: secret values are markers, everything else is
// unchanged.
func TestCorpus(t *testing.T) {
	gone := 0
	for _, name := range audittest.Names() {
		r := newTest(t, Config{})
		number := 0
		for line := range audittest.Lines(audittest.Corpus(t, name)) {
			number++
			out, changed := r.Line(nil, line)
			if again, _ := r.Line(nil, out); !bytes.Equal(again, out) {
				t.Errorf("%s:%d: redacted twice it is another line", name, number)
			}
			if !changed && len(line) > 0 && &out[0] != &line[0] {
				t.Errorf("%s:%d: an unchanged line is another slice", name, number)
			}
			if json.Valid(line) {
				gone += compare(t, fmt.Sprintf("%s:%d", name, number), line, out, changed)
			}
		}
	}
	if gone < 500 {
		t.Errorf("only %d values were to go", gone)
	}
	t.Logf("%d values replaced", gone)
}

// compare returns how many values were replaced.
func compare(t *testing.T, at string, line, out []byte, changed bool) (gone int) {
	t.Helper()
	before, after := decode(t, line), decode(t, out)
	now := map[string]any{}
	for _, l := range leavesOf("", after) {
		now[l.path] = l.value
	}
	leaves := leavesOf("", before)
	if len(leaves) != len(now) {
		t.Errorf("%s: %d values became %d", at, len(leaves), len(now))
	}
	for _, l := range leaves {
		marked, _ := now[l.path].(string)
		if mustGo(before, l.path, l.value) && l.value != nil && l.value != "" {
			gone++
			if !isMarker([]byte(marked)) {
				t.Errorf("%s: %s stays", at, l.path)
			}
		} else if now[l.path] != l.value {
			t.Errorf("%s: %s became %v", at, l.path, now[l.path])
		}
	}
	if changed != (gone > 0) {
		t.Errorf("%s: changed %t, %d values were to go", at, changed, gone)
	}
	return gone
}

// Only the replaced parts of a line differ: the rest is the same bytes,
// however they are written.
func TestOtherBytesStay(t *testing.T) {
	const line = ` { "kind" : "Event","auditID":"a","verb":"update","objectRef":{"resource":"secrets"},"x":"\u00e9\/",` + "\t" +
		`"requestObject":{"data":{"a" : "one", "b":"\u0074wo","c":1e3,"d":true,"e":null,"f":"","g":["x",{"h":"y"}]},"type":"Opaque"}, "n":1.50 } `
	r := newTest(t, Config{})
	out, changed := r.Line(nil, []byte(line))
	want := line
	for _, value := range []string{`one`, `two`, `1e3`, `true`, `x`, `y`} {
		raw := map[string]string{"two": `"\u0074wo"`, "1e3": "1e3", "true": "true"}[value]
		if raw == "" {
			raw = `"` + value + `"`
		}
		want = strings.Replace(want, ":"+raw, ":"+marker(r, value), 1)
		want = strings.Replace(want, ": "+raw, ": "+marker(r, value), 1)
		want = strings.Replace(want, "["+raw, "["+marker(r, value), 1)
	}
	if !changed || string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}
}

// marker is the substitute of a value, as a JSON string.
func marker(r *Redactor, value string) string {
	return `"` + string(r.appendMarker(nil, []byte(value))) + `"`
}

// A marker can be compared by those who have the key, with tools of their own:
// printf %s one | openssl dgst -sha256 -mac HMAC -macopt hexkey:010203 and 58 zeros
func TestMarker(t *testing.T) {
	r := newTest(t, Config{})
	const want = `"redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c06:3"`
	if got := marker(r, "one"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	other := New(r.policy, Key{9})
	if marker(other, "one") == marker(r, "one") {
		t.Error("another key gives the same marker")
	}
	for text, is := range map[string]bool{
		"redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c06:3":                         true,
		"redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c06:":                          false,
		"redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c06:3x":                        false,
		"redacted:hmac-sha256:1FB9283a7aeda3fb471e31f84a8d5c06:3":                         false,
		"redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c06 3":                         false,
		"redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c0:3":                          false,
		" redacted:hmac-sha256:1fb9283a7aeda3fb471e31f84a8d5c06:3":                        false,
		"redacted:hmac-sha256:" + strings.Repeat("0", 32) + ":" + strings.Repeat("1", 20): false,
		"redacted:hmac-sha256:": false,
		"":                      false,
	} {
		if isMarker([]byte(text)) != is {
			t.Errorf("%q: want %t", text, is)
		}
	}
}

// The lines that need nothing cost one scan and no memory.
func TestIdentityAllocatesNothing(t *testing.T) {
	r := newTest(t, Config{})
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		if bytes.Contains(line, []byte(`\ufffd`)) || !passes(r, line) { // auditline shares no part that it cannot rebuild
			continue
		}
		allocated := math.Inf(1)
		for range 20 { // with -race a sync.Pool, which regexp has, forgets one in four
			allocated = min(allocated, testing.AllocsPerRun(1, func() { r.Line(nil, line) }))
		}
		if allocated != 0 {
			t.Fatalf("%v allocations for %s", allocated, line)
		}
	}
}

// The quick search finds the word wherever it is, in any case, and nothing else.
func TestHasFoldedWord(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200_000 {
		uri := make([]byte, random.IntN(24))
		for i := range uri {
			uri[i] = "bearBEAR/x"[random.IntN(10)]
		}
		if n%3 == 0 {
			uri = slices.Insert(uri, random.IntN(len(uri)+1), []byte("bEareR")...)
		}
		if got, want := hasFoldedWord(uri, "bearer", 0), bytes.Contains(bytes.ToLower(uri), []byte("bearer")); got != want {
			t.Fatalf("%q: %v", uri, got)
		}
	}
}
