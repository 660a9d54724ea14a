package config

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestValidateLoki(t *testing.T) {
	setLoki := func(r *Run, s string) { r.Loki.URL = s }
	setBatchWait := func(r *Run, s string) { r.Loki.BatchWait = duration(t, s) }
	setStart := func(r *Run, s string) { r.Loki.Start = s }
	setLabel := func(r *Run, s string) { r.Loki.Labels = []string{s} }
	validate(t, []mistake{
		{"loki-url", setLoki, "", ""},
		{"loki-url", setLoki, "http://10.0.0.7:3100", ""},
		{"loki-url", setLoki, "https://loki.example/prefix", ""},
		{"loki-url", setLoki, "http://[::1]:3100", ""},
		{"loki-url", setLoki, "loki:3100", "expected http://"},
		{"loki-url", setLoki, "10.0.0.7:3100", "expected http://"},
		{"loki-url", setLoki, "http://", "expected http://"},
		{"loki-url", setLoki, "http://:3100", "expected http://"},
		{"loki-url", setLoki, "ftp://loki", "expected http://"},
		{"loki-url", setLoki, "http://loki:port", "expected http://"},
		{"loki-url", setLoki, "http://loki?tenant=a", "must end before '?'"},
		{"loki-url", setLoki, "http://me:secret@loki", "credentials"},
		{"loki-url", setLoki, "ftp://me:secret@loki", "credentials"},
		{"loki-url", setLoki, "http://me:secret@lo ki", "is no URL"},
		{"loki-tenant", func(r *Run, s string) { r.Loki.Tenant = s }, "team-a", ""},
		{"loki-tenant", func(r *Run, s string) { r.Loki.Tenant = s }, "a\r\nX-Other: b", "expected at most 150 letters"},
		{"loki-tenant", func(r *Run, s string) { r.Loki.Tenant = s }, "team a", "expected at most 150 letters"},
		{"loki-tenant", func(r *Run, s string) { r.Loki.Tenant = s }, "a|b", "expected at most 150 letters"},
		{"loki-tenant", func(r *Run, s string) { r.Loki.Tenant = s }, "..", "expected at most 150 letters"},
		{"loki-max-line-bytes", func(r *Run, _ string) { r.Loki.MaxLineBytes = 4096 }, "4096", ""},
		{"loki-max-line-bytes", func(r *Run, _ string) { r.Loki.MaxLineBytes = 4095 }, "4095", "at least 4096"},
		{"loki-batch-wait", setBatchWait, "1ms", ""},
		{"loki-batch-wait", setBatchWait, "1ns", "at least 1ms"},
		{"loki-max-age", func(r *Run, s string) { r.Loki.MaxAge = duration(t, s) }, "0s", ""},
		{"loki-max-age", func(r *Run, s string) { r.Loki.MaxAge = duration(t, s) }, "-1h", "at least 0"},
		{"loki-max-ahead", func(r *Run, s string) { r.Loki.MaxAhead = duration(t, s) }, "-1h", "at least 0"},
		{"loki-start", setStart, "now", ""},
		{"loki-start", setStart, "Now", "expected oldest or now"},
		{"loki-label", setLabel, "env=prod", ""},
		{"loki-label", setLabel, "job=kube-audit", "dashboards look for"},
		{"loki-label", setLabel, "env", "expected name=value"},
		{"loki-label", setLabel, "env=", "expected name=value"},
		{"loki-label", setLabel, "node=n", "--node says it"},
	})
}

// put writes a file beside the others of a test.
func put(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The server sees the file's secret, and a secret that is rotated is
// used at once.
func TestHTTPClient(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer server.Close()
	dir := t.TempDir()
	put(t, dir, "password", "first\n")
	put(t, dir, "token", "t0ken")
	for _, c := range []struct{ content, header, want string }{
		{"", "Authorization", ""},
		{"basic_auth:\n  username: me\n  password_file: password\n", "Authorization", "Basic bWU6Zmlyc3Q="},
		{"authorization:\n  credentials_file: token\n", "Authorization", "Bearer t0ken"},
		{"bearer_token_file: token\n", "Authorization", "Bearer t0ken"},
		{"http_headers:\n  X-Auth:\n    files: [token]\n", "X-Auth", "t0ken"},
	} {
		loki := Loki{HTTPConfig: put(t, dir, "http.yaml", c.content)}
		client, err := loki.HTTPClient()
		if err != nil {
			t.Errorf("%q: %v", c.content, err)
			continue
		}
		get(t, client, server.URL)
		if got.Get(c.header) != c.want {
			t.Errorf("%q: %s is %q, want %q", c.content, c.header, got.Get(c.header), c.want)
		}
		if strings.Contains(c.content, "password") {
			put(t, dir, "password", "second")
			get(t, client, server.URL)
			if got.Get(c.header) != "Basic bWU6c2Vjb25k" {
				t.Errorf("after the password was changed: %q", got.Get(c.header))
			}
		}
	}
}

func get(t *testing.T, client *http.Client, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	client.CloseIdleConnections()
}

// A client certificate and a CA, as the server's own.
func TestHTTPClientTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	dir := t.TempDir()
	put(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	loki := Loki{HTTPConfig: put(t, dir, "http.yaml", "tls_config:\n  ca_file: ca.pem\n  server_name: example.com\n")}
	client, err := loki.HTTPClient()
	if err != nil {
		t.Fatal(err)
	}
	get(t, client, server.URL)
}

func TestHTTPClientRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		content string
		want    []string
	}{
		{"basic_auth:\n  username: me\n  password: s3cret\n", []string{"http.yaml:3: password", "use password_file"}},
		{"authorization:\n  credentials: s3cret\n", []string{"http.yaml:2: credentials", "use credentials_file"}},
		{"tls_config:\n  key: s3cret\n  cert: x\n", []string{"http.yaml:2: key", "use key_file"}},
		{"http_headers:\n  X-Auth:\n    secrets: [s3cret]\n", []string{"http.yaml:3: secrets", "use files"}},
		{"oauth2:\n  client_id: a\n  token_url: http://t\n  client_secret_ref: b\n", []string{"http.yaml:4: client_secret_ref", "no secret manager"}},
		{"basic_auth:\n  usrname: me\nfoo: 1\n", []string{"http.yaml:2: field usrname not found", "http.yaml:3: field foo not found"}},
		{"basic_auth: [\n", []string{"http.yaml"}},
		{"basic_auth:\n  username: me\nauthorization:\n  credentials_file: x\n", []string{"http.yaml: at most one of"}},
		{"tls_config:\n  ca_file: missing.pem\n", []string{"missing.pem"}},
	} {
		loki := Loki{HTTPConfig: put(t, dir, "http.yaml", c.content)}
		_, err := loki.HTTPClient()
		wantError(t, err, append(c.want, "--loki-http-config")...)
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "config.")) {
			t.Errorf("%v", err)
		}
	}
	_, err := (&Loki{HTTPConfig: filepath.Join(dir, "none.yaml")}).HTTPClient()
	wantError(t, err, "--loki-http-config", "none.yaml")
}
