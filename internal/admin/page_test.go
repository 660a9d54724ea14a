package admin

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// render is the page of a scene.
func render(t *testing.T, s *scene, target string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := routes(Config{Health: s.Health, Metrics: s.registry}, s.board)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "127.0.0.1:9464"
	h.ServeHTTP(w, r)
	return w
}

// The page is small, has no script and nothing from elsewhere, and says so to
// the browser.
func TestPage(t *testing.T) {
	s := newScene()
	for i := range 100 {
		s.alive(sampleEvery)
		s.set("loki_lag_seconds", float64(i%50))
		s.sample()
	}
	for i := range 15 {
		s.reported.Files = append(s.reported.Files, File{Name: "audit-2026-11-26T01-44-27.123.log", Size: 1e8, State: "archived", Level: Good, Since: s.now().Add(-time.Duration(i) * time.Hour)})
	}
	for range 20 {
		s.reported.Gaps = append(s.reported.Gaps, Gap{Reason: "pruned", File: "audit.log", Bytes: 5, Detail: strings.Repeat("detail ", 40)})
	}
	for range 60 {
		s.reported.Settings = append(s.reported.Settings, Setting{"some-setting", "some value", true})
	}
	w := render(t, s, "/")
	body := w.Body.String()
	if w.Code != 200 || len(body) > 60<<10 {
		t.Errorf("status %d, %d bytes", w.Code, len(body))
	}
	if bad := regexp.MustCompile(`<script|style=|<style|<form|<input|javascript:| on[a-z]+=|src="(https?:)?//|<link[^>]*"(https?:)?//`).FindString(body); bad != "" {
		t.Errorf("the page has %q", bad)
	}
	if csp := w.Header().Get("Content-Security-Policy"); csp != pagePolicy || strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Foreign texts are text, never markup.
func TestPageEscapes(t *testing.T) {
	s := newScene()
	s.loops["loki"].Observe(errors.New(`<script>alert(1)</script>"><img src=x>`))
	s.reported.Files = []File{{Name: `<b>x</b>`, State: `<i>`}}
	body := render(t, s, "/").Body.String()
	for _, bad := range []string{"<script", "<img", "<b>x", "<i>"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(body, "&lt;script&gt;alert(1)") {
		t.Error("the error is not shown")
	}
}

func TestRefresh(t *testing.T) {
	for query, want := range map[string]string{"": "", "?x": "", "?refresh": `content="10"`, "?refresh=99999": `content="10"`} {
		body := render(t, newScene(), "/"+query).Body.String()
		if want == "" && strings.Contains(body, `http-equiv`) || !strings.Contains(body, want) {
			t.Errorf("%s: not %s", query, want)
		}
	}
}

// Programs get the same answer.
func TestStatusJSON(t *testing.T) {
	s := newScene()
	s.set("loki_lag_seconds", 3)
	w := render(t, s, "/status.json")
	var got struct {
		Level, Headline, Cluster string
		Paths                    []struct {
			Name       string
			LagSeconds float64
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Level != "good" || got.Cluster != "production" || len(got.Paths) != 2 || got.Paths[0].LagSeconds != 3 || got.Headline != "All is well" {
		t.Errorf("%+v", got)
	}
}

// A foreign page, whose name leads here, gets no answer; a request
// has no body.
func TestGuards(t *testing.T) {
	s := newScene()
	h, err := routes(Config{Health: s.Health, Metrics: s.registry, Pprof: true, Hosts: []string{"cp1.example"}}, s.board)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, host, body string
		code             int
	}{
		{"/", "127.0.0.1:9464", "", 200}, {"/", "localhost:9464", "", 200}, {"/", "LOCALHOST", "", 200}, {"/", "[::1]:9464", "", 200}, {"/", "[::1]", "", 200},
		{"/", "evil.example:9464", "", 421}, {"/status.json", "evil.example", "", 421}, {"/debug/pprof/", "evil.example", "", 421}, {"/", "", "", 421},
		{"/debug/pprof/", "127.0.0.1", "", 200}, {"/debug/pprof/cmdline", "127.0.0.1", "", 404},
		{"/metrics", "evil.example", "", 421}, {"/readyz", "evil.example", "", 421}, {"/livez", "evil.example", "", 200},
		{"/metrics", "127.0.0.1:9464", "", 200}, {"/metrics", "cp1.example:9464", "", 200}, {"/metrics", "CP1.example.", "", 200},
		{"/metrics", "cp1.example.evil.example", "", 421}, {"/", "cp1.example", "", 200},
		{"/livez", "127.0.0.1", "body", 413},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", test.path, strings.NewReader(test.body))
		r.Host = test.host
		h.ServeHTTP(w, r)
		if w.Code != test.code {
			t.Errorf("%s of %s: %d, want %d: %s", test.path, test.host, w.Code, test.code, w.Body)
		}
	}
}
