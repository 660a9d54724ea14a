package config

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// oauthClient is a client with tokens of a server.
func oauthClient(t *testing.T, tokenURL string) (*http.Client, func(secret string)) {
	t.Helper()
	dir := t.TempDir()
	rotate := func(secret string) { put(t, dir, "secret", secret+"\n") }
	rotate("first")
	loki := Loki{HTTPConfig: put(t, dir, "http.yaml", "oauth2:\n  client_id: me\n  client_secret_file: secret\n  token_url: "+tokenURL+
		"\n  scopes: [push]\n  endpoint_params:\n    audience: loki\n")}
	client, err := loki.HTTPClient()
	if err != nil {
		t.Fatal(err)
	}
	return client, rotate
}

// A token is asked for once for each secret, with the file's content.
func TestTokens(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		user, secret, _ := r.BasicAuth()
		if user != "me" || r.PostFormValue("scope") != "push" || r.PostFormValue("audience") != "loki" {
			t.Errorf("%s, %s", user, r.PostForm.Encode())
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"of-%s","token_type":"Bearer","expires_in":3600}`, secret)
	}))
	defer server.Close()
	var got string
	loki := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer loki.Close()
	client, rotate := oauthClient(t, server.URL)
	for i, secret := range []string{"first", "first", "second"} {
		rotate(secret)
		get(t, client, loki.URL)
		if got != "Bearer of-"+secret {
			t.Errorf("request %d: %s, want the token of %s", i, got, secret)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("%d tokens were asked for, want 2", n)
	}
}

// The secret goes to the token server alone, and nothing of its answers into an error.
func TestTokensRefused(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"redirect to another port": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, "a redirect to " + other.Listener.Addr().String() + ", which is not followed"},
		"redirect to the metadata address": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}, "a redirect to 169.254.169.254, which is not followed"},
		"control characters": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "\x1b[2J\x1b]0;pwn\x07"+strings.Repeat("a", 100_000))
		}, `it answers "400 Bad Request"`},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 3000 {
				if _, err := io.WriteString(w, strings.Repeat("a", 1<<20)); err != nil {
					return
				}
			}
		}, "get an OAuth 2.0 token from"},
		"long header": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 4000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 4000))
			}
		}, "get an OAuth 2.0 token from"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			client, _ := oauthClient(t, server.URL)
			resp, err := client.Get(other.URL + "/push")
			if err == nil {
				resp.Body.Close()
				t.Fatal("there was a token")
			}
			if text := err.Error(); !strings.Contains(text, tt.want) || strings.Contains(text, "\x1b") || len(text) > 1000 {
				t.Errorf("%.300s, want %q", text, tt.want)
			}
		})
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("another server was asked %d times", n)
	}
}

func TestTokensGrant(t *testing.T) {
	loki := Loki{HTTPConfig: put(t, t.TempDir(), "http.yaml", "oauth2:\n  client_id: me\n  grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer\n  token_url: http://t\n")}
	_, err := loki.HTTPClient()
	wantError(t, err, "--loki-http-config", "use client_credentials")
}

// A header of Loki's that net/http would hold is refused, and nothing else is.
func TestHTTPClientBounds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 1000 {
			if r.URL.Path == "/long" {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 4000))
			}
		}
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	client, err := (&Loki{}).HTTPClient()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // 10 MB in all, of one connection
		resp, err := client.Post(server.URL, "", strings.NewReader(strings.Repeat("a", 500_000)))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != 500_000 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		resp.Body.Close()
	}
	if resp, err := client.Get(server.URL + "/long"); err == nil || !strings.Contains(err.Error(), "is longer than 1048576 bytes") {
		t.Errorf("%v, %v", resp, err)
	}
}
