package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLifecycle(t *testing.T) {
	r := ok(t, "lifecycle", "print", "s3://b/p", "--class", "DEEP_ARCHIVE")
	if !strings.Contains(r.stdout, `"StorageClass": "DEEP_ARCHIVE"`) || !strings.Contains(r.stderr, "warning: Athena silently leaves out") {
		t.Errorf("%s\n%s", r.stdout, r.stderr)
	}
	call(t, "lifecycle", "apply", "file:///srv/audit", "--expire-days", "5").refused(t, exitUsage, "lifecycle rules are S3's", "--expire-days")
	call(t, "lifecycle", "check").refused(t, exitUsage, "accepts 1 arg")
	call(t, "lifecycle", "aply").refused(t, exitUsage, "did you mean apply?")
}

// rulesServer is a bucket's lifecycle configuration.
type rulesServer struct{ rules string }

func (s *rulesServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !r.URL.Query().Has("lifecycle"):
		http.Error(w, r.URL.String(), http.StatusTeapot)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		s.rules = string(body)
	case s.rules == "":
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchLifecycleConfiguration</Code></Error>`)
	default:
		fmt.Fprint(w, s.rules)
	}
}

// check reports as JSON the changes that apply would make, and that they were made.
func TestLifecycleCheckAsJSON(t *testing.T) {
	bucket := &rulesServer{}
	server := httptest.NewServer(bucket)
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	args := []string{"s3://bucket/audit-logs", "--s3-endpoint", server.URL, "--s3-region", "eu", "--s3-path-style"}
	check := func(code int) (state lifecycleState) {
		t.Helper()
		r := call(t, append([]string{"lifecycle", "check", "-o", "json"}, args...)...)
		if err := json.Unmarshal([]byte(r.stdout), &state); err != nil || r.code != code {
			t.Fatalf("exit code %d, want %d: %v\n%s%s", r.code, code, err, r.stdout, r.stderr)
		}
		return state
	}
	if s := check(exitFindings); s.InPlace || s.Conflicts == nil || len(s.Conflicts) > 0 || !strings.Contains(s.Diff, "GLACIER_IR") {
		t.Errorf("without rules: %+v", s)
	}
	ok(t, append([]string{"lifecycle", "apply"}, args...)...)
	if s := check(0); !s.InPlace || s.Diff != "" {
		t.Errorf("after apply: %+v", s)
	}
	bucket.rules = strings.Replace(bucket.rules, "<Days>2555</Days>", "<Days>5</Days>", 1)
	if s := check(exitFindings); s.InPlace || s.Diff == "" {
		t.Errorf("with another rule: %+v", s)
	}
	call(t, append([]string{"lifecycle", "check", "-o", "yaml"}, args...)...).refused(t, exitUsage, `--output "yaml"`)
}
