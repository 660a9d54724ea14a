package cli

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const (
	redactSecret = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"id-1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/n/secrets","verb":"create",` +
		`"user":{"username":"u"},"sourceIPs":["10.0.0.1"],"userAgent":"curl Bearer abcdefgh","objectRef":{"resource":"secrets","namespace":"n","name":"x"},"responseStatus":{"metadata":{},"code":201},` +
		`"requestObject":{"kind":"Secret","data":{"a.b/c":"aHVudGVyMg=="}},"requestReceivedTimestamp":"2026-03-01T10:00:00.000000Z","stageTimestamp":"2026-03-01T10:00:00.000001Z","annotations":{"a":"b"}}`
	redactPlain = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"id-2","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/n/pods/x/exec?command=ls","verb":"create",` +
		`"user":{"username":"u"},"sourceIPs":["10.0.0.1"],"userAgent":"kubectl","objectRef":{"resource":"pods","namespace":"n","name":"x","subresource":"exec"},"responseStatus":{"metadata":{},"code":101},` +
		`"requestReceivedTimestamp":"2026-03-01T10:00:00.000000Z","stageTimestamp":"2026-03-01T10:00:00.000001Z","annotations":{"a":"b"}}`
	redactRules = "enable: [exec-commands]\nrules:\n  - {name: sources, resource: pods, paths: [sourceIPs]}\n  - {name: idle, resource: widgets, paths: [userAgent]}\n"
)

func TestRedact(t *testing.T) {
	dir := t.TempDir()
	log := put(t, filepath.Join(dir, "audit.log"), []byte(redactSecret+"\n"+redactPlain+"\n"+redactSecret[:len(redactSecret)/2]+"\n\n"))
	rules := put(t, filepath.Join(dir, "rules.yaml"), []byte(redactRules))
	key := put(t, filepath.Join(dir, "key"), bytes.Repeat([]byte("key "), 8))

	out := ok(t, "redact", log).stdout
	for _, want := range []string{
		log + ":1 create secrets n/x id-1\n", `  - requestObject.data["a.b/c"]: (12 bytes)` + "\n  + requestObject.data[\"a.b/c\"]: \"redacted:hmac-sha256:",
		"  - userAgent: (20 bytes)\n  + userAgent: \"curl Bearer redacted:hmac-sha256:", log + ":3 not one event\n",
		"secrets          1      1\n", "credentials      1      1\n", "tokens           0      0\n", "2 of 4 lines change; 1 of them are not one event\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "aHVudGVyMg") || strings.Contains(out, "abcdefgh") {
		t.Errorf("the values are shown:\n%s", out)
	}
	if out := ok(t, "redact", "--show-values", log).stdout; !strings.Contains(out, `- requestObject.data["a.b/c"]: "aHVudGVyMg=="`) {
		t.Errorf("no value in\n%s", out)
	}
	out = ok(t, "redact", "--redact-rules", rules, "--limit", "1", "--redact-key-file", key, log).stdout
	for _, want := range []string{"exec-commands    1      1\n", "sources          1      1\n", "idle             0      0\n", "3 of 4 lines change", "1 of the changed lines are shown"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if again := ok(t, "redact", "--redact-rules", rules, "--limit", "1", "--redact-key-file", key, log).stdout; again != out {
		t.Errorf("with a key the output differs:\n%s\n%s", out, again)
	}
}

// Standard input, compressed files and JSON; a file that cannot be read does not hide the others.
func TestRedactInputs(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(redactSecret + "\n" + redactPlain))
	must(t, w.Close())
	whole := put(t, filepath.Join(dir, "a.log.gz"), packed.Bytes())
	torn := put(t, filepath.Join(dir, "b.log.gz"), packed.Bytes()[:packed.Len()-12])
	missing := filepath.Join(dir, "none.log")

	r := callWith(t.Context(), strings.NewReader(redactSecret), "redact", "-o", "json", "-", whole)
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	var got []string
	for dec.More() {
		var line struct {
			Change  *redactChange
			Summary *redactSummary
		}
		must(t, dec.Decode(&line))
		if line.Change != nil {
			got = append(got, line.Change.File+" "+line.Change.Changes[0].Path)
		} else if s := line.Summary; s.Lines != 3 || s.Changed != 2 || s.Rules[0].Values != 2 {
			t.Errorf("%+v", s)
		}
	}
	if want := `- requestObject.data["a.b/c"],` + whole + ` requestObject.data["a.b/c"]`; strings.Join(got, ",") != want || r.code != 0 {
		t.Errorf("exit %d, changes %q, want %q", r.code, got, want)
	}
	r = call(t, "redact", missing, torn, whole)
	r.refused(t, exitFailed, "none.log", torn+", behind line ", "unexpected EOF")
	if !strings.Contains(r.stdout, whole+":1 create") {
		t.Errorf("the last file is missing in\n%s", r.stdout)
	}
	call(t, "redact").refused(t, exitUsage, "at least 1")
	call(t, "redact", "--limit", "-1", whole).refused(t, exitUsage, "--limit -1")
	call(t, "redact", "--redact-rules", put(t, filepath.Join(dir, "rules"), []byte("rules:\n- {name: a, resource: pods, paths: [x]}")), whole).refused(t, exitUsage, "rules:2", "begins with none of")
	call(t, "redact", dir).refused(t, exitFailed, dir)
}

// Lines of any length take bounded memory and are counted.
func TestRedactLongLines(t *testing.T) {
	long := strings.Replace(redactSecret, "aHVudGVyMg==", strings.Repeat("A", 2*shownLine), 1)
	r := callWith(t.Context(), strings.NewReader(long+"\n"+strings.Repeat("x", maxRedactLine+1)+"\n"+redactSecret), "redact", "-")
	for _, want := range []string{"-:1 create secrets", "  - (line): (", "-:3 create secrets", "2 of 3 lines change", "not looked at: 1 line longer than 16 MiB"} {
		if !strings.Contains(r.stdout, want) || len(r.stdout) > 10_000 {
			t.Errorf("no %q in %d bytes: %.2000s", want, len(r.stdout), r.stdout)
		}
	}
}

// Text of a client does not move the cursor of the terminal.
func TestRedactEscapes(t *testing.T) {
	line := strings.NewReplacer(`"name":"x"`, `"name":"\u001b[2J"`, "a.b/c", `\u001b]0;x`).Replace(redactSecret)
	if r := callWith(t.Context(), strings.NewReader(line), "redact", "--show-values", "-"); strings.Contains(r.stdout, "\x1b") || !strings.Contains(r.stdout, `\x1b[2J`) {
		t.Errorf("%q", r.stdout)
	}
}
