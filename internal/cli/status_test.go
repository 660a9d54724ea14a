package cli

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/admin"
)

// answering serves a status, as run does.
func answering(t *testing.T, code int, body any) (address string) {
	t.Helper()
	text, isText := body.(string)
	if !isText {
		data, err := json.Marshal(body)
		must(t, err)
		text = string(data)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status.json" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func report(level admin.Level) admin.Status {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return admin.Status{
		Level: level, Headline: "Headline of it", Summary: "A summary", Now: now, Started: now.Add(-time.Hour),
		Problems: []admin.Problem{{Level: admin.Bad, Title: "Loki\x1b[2J refuses", Detail: "401", Hint: "give a token"}},
		Paths: []admin.Path{
			{Name: "archive", Target: "s3://b/p", Part: &admin.Part{State: "working", Level: admin.Good}, Known: true, LagSeconds: 90, LagBytes: 2e6},
			{Name: "Loki", Target: "http://loki", Part: &admin.Part{State: "failing", Level: admin.Bad}},
		},
		Held:   admin.Held{Files: 3, Used: 1e6, Max: 20e9},
		Parts:  []*admin.Part{{Name: "shipper", State: "waiting", Waiting: "a rotation", LastError: "an old error"}},
		Report: admin.Report{Version: "v9", Cluster: "prod", Node: "cp-1"},
	}
}

// The fields of the answer are those of internal/admin.
func TestStatus(t *testing.T) {
	for level, code := range map[admin.Level]int{admin.Good: exitDone, admin.Warn: exitFindings, admin.Bad: exitFindings, admin.Idle: exitFindings} {
		url := answering(t, http.StatusOK, report(level))
		r := call(t, "status", "--url", url)
		if r.code != code {
			t.Errorf("%s: exit %d, want %d", level, r.code, code)
		}
		for _, want := range []string{
			string(level) + "  Headline of it\n", "A summary\n", `bad  Loki\x1b[2J refuses`, "      401\n", "      give a token\n",
			"archive  working  1m30s, 2.0 MB behind  s3://b/p\n", "Loki     failing  unknown",
			"held     3 files", "1.0 MB", "of 20 GB\n", "cluster prod, node cp-1, auditsidecar v9, up 1h0m0s\n",
		} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: no %q in:\n%s", level, want, r.stdout)
			}
		}
		if wide := call(t, "status", "--url", url+"/", "-o", "wide").stdout; !strings.Contains(wide, "a rotation") || !strings.Contains(wide, "an old error") {
			t.Errorf("wide:\n%s", wide)
		}
		var back admin.Status
		r = call(t, "status", "--url", url, "-o", "json")
		if err := json.Unmarshal([]byte(r.stdout), &back); err != nil || back.Level != level || r.code != code {
			t.Errorf("json: exit %d, %v:\n%s", r.code, err, r.stdout)
		}
	}
}

func TestStatusOfNoSidecar(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	call(t, "status", "--url", "http://"+address).refused(t, exitFailed, address, "connection refused", "no sidecar runs here")
	call(t, "status", "--url", answering(t, http.StatusServiceUnavailable, "too many\nconnections")).refused(t, exitFailed, "503", "too many")
	call(t, "status", "--url", answering(t, http.StatusOK, "{}")).refused(t, exitFailed, "not with a status of auditsidecar")
	call(t, "status", "--url", answering(t, http.StatusOK, "<html>")).refused(t, exitFailed, "not with a status of auditsidecar")
	for _, url := range []string{"127.0.0.1:9464", "ftp://x", "http://", "http://a:b@x"} {
		call(t, "status", "--url", url).refused(t, exitUsage, "--url")
	}
	call(t, "status", "now", "then").refused(t, exitUsage, "received 2")
}

// The address is that of run.
func TestStatusFindsTheAddress(t *testing.T) {
	address := strings.TrimPrefix(answering(t, http.StatusOK, report(admin.Good)), "http://")
	t.Run("environment", func(t *testing.T) {
		t.Setenv("AUDITSIDECAR_LISTEN", address)
		ok(t, "status")
	})
	file := put(t, filepath.Join(t.TempDir(), "config.yaml"), []byte("listen: "+address+"\ncluster: prod\n"))
	ok(t, "status", "--config", file)
	t.Run("file that the environment names", func(t *testing.T) {
		t.Setenv("AUDITSIDECAR_CONFIG", file)
		ok(t, "status")
	})
	call(t, "status", "--config", file+".none").refused(t, exitFailed, file+".none")
}
