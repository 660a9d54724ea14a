package apiserver

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const answer = `# HELP apiserver_audit_error_total [ALPHA] Counter of audit events that failed to be audited properly.
# TYPE apiserver_audit_error_total counter
apiserver_audit_error_total{plugin="log"} 3
apiserver_audit_error_total{plugin="webhook"} 50
# TYPE apiserver_audit_event_total counter
apiserver_audit_event_total 1.2345e+04
apiserver_audit_level_total{level="Metadata"} 99
kubernetes_build_info{build_date="2026-01-01T00:00:00Z",git_commit="x",git_version="v1.36.1+k3s1",major="1"} 1
process_start_time_seconds 1.76361234512e+09
`

func TestParse(t *testing.T) {
	long := "apiserver_request_total{x=\"" + strings.Repeat("y", 3*maxMetricLine) + "\"} 1\n"
	for name, text := range map[string]string{
		"as it is": answer, "after a long line": long + answer, "no newline at the end": strings.TrimSuffix(answer, "\n"),
	} {
		got, err := parse(strings.NewReader(text))
		want := Counters{Started: time.UnixMilli(1763612345120).UTC(), Events: 12345, Errors: 3, Version: "v1.36.1+k3s1"}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, text := range []string{"", "# nothing\n", "apiserver_audit_event_total\n", "apiserver_audit_event_total NaN\n", "apiserver_audit_event_total -1\n", "apiserver_audit_event_totals 5\n"} {
		if got, err := parse(strings.NewReader(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(answer)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(strings.NewReader(text))
		if err == nil && (c.Events < 0 || c.Errors < 0) {
			t.Fatalf("%+v", c)
		}
	})
}

func TestAsk(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case r.URL.Path == "/forbidden":
			w.WriteHeader(http.StatusForbidden)
		case r.Header.Get("Authorization") != "Bearer secret-token":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write([]byte(answer))
		}
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		path, token, want string
	}{
		"good":              {"/metrics", token, ""},
		"no token":          {"/metrics", "", "--apiserver-metrics-token-file"},
		"not allowed":       {"/forbidden", token, "nonResourceURL"},
		"a redirect":        {"/moved", token, "302"},
		"no kube-apiserver": {"", "", "ask kube-apiserver"},
	} {
		url := server.URL + c.path
		if c.path == "" {
			url = "http://127.0.0.1:1/metrics"
		}
		s, err := New(Config{URL: url, TokenFile: c.token})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Ask(t.Context())
		if (c.want == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-token")) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err == nil && got.Events != 12345 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
	if _, err := New(Config{URL: server.URL, CAFile: "/does/not/exist"}); err == nil {
		t.Error("a file that is not there was taken")
	}
}
