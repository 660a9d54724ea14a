//go:build e2e

package page

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Values that must be seen nowhere: in an event, in files with credentials, in a URL.
const (
	inEvent    = "marker-of-an-event-c2VjcmV0"
	inFile     = "marker-of-a-password-file"
	inProxy    = "marker-of-a-proxy-password"
	inURL      = "marker-of-a-url-password"
	secretLine = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"%d","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/secrets?token=` + inEvent +
		`","verb":"create","user":{"username":"` + inEvent + `"},"objectRef":{"resource":"secrets","namespace":"default","name":"x"},"requestObject":{"kind":"Secret","data":{"a":"` + inEvent + `"}},"requestReceivedTimestamp":"%[2]s","stageTimestamp":"%[2]s"}` + "\n"
)

// Neither the log, at the level debug, nor anything that is answered has the
// content of an event or a credential, also while all goes wrong.
func TestNoSecrets(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	writer, err := audittest.NewWriter(audittest.Config{Path: filepath.Join(dir, "audit", "audit.log")})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	put("password", inFile)
	http := put("http.yml", "basic_auth: {username: u, password_file: password}\nproxy_url: http://u:"+inProxy+"@127.0.0.1:1\n")
	args := []string{
		"--audit-log-path", filepath.Join(dir, "audit", "audit.log"), "--archive-url", "file://" + filepath.Join(dir, "archive"),
		"--loki-http-config", http, "--cluster", "c", "--node", "n", "--archive-max-lag", "1s",
	}
	p := sidecar.Launch(t, sidecar.Config{Binary: binary, Args: append(args, "--loki-url", "http://192.0.2.1:3100")})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := p.WaitReady(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		line := fmt.Appendf(nil, secretLine, n, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))
		if n%50 == 49 { // no event, torn, and glued to the next
			line = line[:len(line)/2]
		}
		if err := writer.WriteRaw(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Rotate(); err != nil {
		t.Fatal(err)
	}
	// A file that cannot be unpacked is quarantined, with a reason in words.
	put("audit/audit-2026-01-02T15-04-05.000.log.gz", inEvent)
	_, err = p.WaitMetrics(ctx, func(m map[string]float64) bool {
		return m["auditsidecar_archived_files_total"] >= 1 && m["auditsidecar_quarantined_files"] >= 1 && m["auditsidecar_loop_failures_total"] >= 2
	}, "auditsidecar_archived_files_total", "auditsidecar_quarantined_files", "auditsidecar_loop_failures_total")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(p.Log(), `"level":"debug"`) {
		t.Errorf("SIGUSR1 did not change the level:\n%s", p.Log())
	}
	said := map[string]string{"the log": p.Log()}
	for _, path := range []string{"/", "/status.json", "/metrics", "/readyz?verbose", "/livez"} {
		_, body, err := p.Get(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		said[path] = body
	}
	if !strings.Contains(said["/"], "cannot be archived") || !strings.Contains(said["/"], "http.yml") {
		t.Errorf("the page:\n%s", said["/"])
	}
	refused, err := sidecar.Verb(ctx, sidecar.Config{Binary: binary, Args: append([]string{"run"}, append(args, "--loki-url", "http://u:"+inURL+"@127.0.0.1:1", "--s3-endpoint", "https://u:"+inURL+"@x")...)})
	if err != nil || refused.Code != 2 {
		t.Fatalf("a password in a URL: exit %d, %v", refused.Code, err)
	}
	said["the refusal"] = string(bytes.Join([][]byte{refused.Stdout, refused.Stderr}, nil))
	for where, text := range said {
		for _, marker := range []string{inEvent, inFile, inProxy, inURL} {
			if strings.Contains(text, marker) {
				t.Errorf("%s has %s:\n%s", where, marker, text)
			}
		}
	}
}
