package cli

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// secretLine is an event of the last minute: Loki takes no old ones.
var secretLine = string(audittest.Shift([]byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/n/secrets","verb":"create","user":{},"objectRef":{"resource":"secrets","namespace":"n","name":"x","apiVersion":"v1"},"requestObject":{"kind":"Secret","data":{"password":"aHVudGVyMg=="}},"requestReceivedTimestamp":"2026-11-22T17:00:00.000000Z","stageTimestamp":"2026-11-22T17:00:00.000001Z"}`+"\n"), time.Now().Add(-time.Minute)))

// streamed runs --once over one line with a Secret and returns Loki's entries.
func streamed(t *testing.T, dir string, more ...string) (lines []string, stderr string) {
	t.Helper()
	loki := lokitest.New(lokitest.Config{})
	server := httptest.NewServer(loki)
	defer server.Close()
	rotated := time.Now().Add(-30 * time.Second).UTC().Format(archive.RotatedLayout)
	put(t, filepath.Join(dir, "audit", "audit-"+rotated+".log"), []byte(secretLine))
	put(t, filepath.Join(dir, "audit", "audit.log"), nil)
	r := ok(t, runOnce(dir, append([]string{"--loki-url", server.URL}, more...)...)...)
	return loki.Lines(), r.stderr
}

// Lines for Loki are redacted unless it is forbidden, with a key that is
// made once and that no one else can read; the archive has the line.
func TestRedactedForLoki(t *testing.T) {
	dir := t.TempDir()
	lines, _ := streamed(t, dir)
	if len(lines) != 1 || strings.Contains(lines[0], "aHVudGVyMg") || !strings.Contains(lines[0], `"password":"redacted:hmac-sha256:`) {
		t.Errorf("Loki has %q", lines)
	}
	same(t, "the archive", []byte(ok(t, "restore", "file://"+filepath.Join(dir, "archive")).stdout), []byte(secretLine))
	file := filepath.Join(dir, "audit", config.StateDirName, "redact.key")
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Size() != redact.KeySize {
		t.Errorf("the key has mode %v and %d bytes", info.Mode(), info.Size())
	}
	key := audittest.ReadFile(t, file)
	ok(t, runOnce(dir)...)
	same(t, "the key of the second run", audittest.ReadFile(t, file), key)
}

func TestRedactOff(t *testing.T) {
	dir := t.TempDir()
	lines, _ := streamed(t, dir, "--redact", "off")
	if len(lines) != 1 || lines[0]+"\n" != secretLine {
		t.Errorf("Loki has %q", lines)
	}
	if _, err := os.Stat(filepath.Join(dir, "audit", config.StateDirName, "redact.key")); err == nil {
		t.Error("a key was made")
	}
}

// A key of its own that cannot be used does not stop the sidecar; it is set
// aside, and never used.
func TestRedactKeySetAside(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "audit", config.StateDirName, "redact.key")
	put(t, file, make([]byte, redact.KeySize))
	must(t, os.Chmod(file, 0o644))
	lines, stderr := streamed(t, dir)
	if len(lines) != 1 || strings.Contains(lines[0], "aHVudGVyMg") || !strings.Contains(stderr, "so that others may read or write it") {
		t.Errorf("Loki has %q, the log says %s", lines, stderr)
	}
	if bytes.Equal(audittest.ReadFile(t, file), make([]byte, redact.KeySize)) {
		t.Error("the key that others may have read is still in use")
	}
}

// One key in two directories gives the same markers.
func TestRedactSharedKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, bytes.Repeat([]byte("key "), redact.KeySize/4), 0o600))
	first, _ := streamed(t, t.TempDir(), "--redact-key-file", file)
	second, _ := streamed(t, t.TempDir(), "--redact-key-file", file)
	if len(first) != 1 || len(second) != 1 || first[0] != second[0] {
		t.Errorf("%q and %q", first, second)
	}
}

// Mistakes in the files are found before anything is done, all at once.
func TestRedactMistakes(t *testing.T) {
	dir := t.TempDir()
	key, rules := filepath.Join(dir, "key"), filepath.Join(dir, "rules.yaml")
	must(t, os.WriteFile(key, []byte("short"), 0o600))
	must(t, os.WriteFile(rules, []byte("rules:\n  - name: x\n    resource: pods\n    paths: [spec]\n"), 0o600))
	call(t, runOnce(dir, "--redact-key-file", key, "--redact-rules", rules)...).refused(t, 2,
		"--redact-key-file", "it has 5 bytes, expected 32", "--redact-rules", "rules.yaml:2", `path "spec"`)
	call(t, runOnce(dir, "--redact-key-file", key+"x")...).refused(t, exitFailed, "--redact-key-file", "no such file")
	call(t, runOnce(dir, "--redact", "some")...).refused(t, 2, "--redact", "expected loki, archive or off")
}

// In the archive, too: restored lines have no secret, the record says how to
// check it, and another key begins a new epoch.
func TestRedactedArchive(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "archive")
	lines, _ := streamed(t, dir, "--redact", "archive")
	restored := ok(t, "restore", "file://"+archive).stdout
	if len(lines) != 1 || restored != lines[0]+"\n" || strings.Contains(restored, "aHVudGVyMg") {
		t.Errorf("Loki has %q, the archive %q", lines, restored)
	}
	record := recordOf(t, archive)
	if !strings.Contains(record, `"hmac":"`) || !strings.Contains(record, `"content":{`) || !strings.Contains(record, `"redaction":"`) {
		t.Errorf("record %s", record)
	}
	before := files(t, archive)
	ok(t, runOnce(dir, "--redact", "archive")...)
	if after := files(t, archive); len(after) != len(before) {
		t.Errorf("a second run made %q of %q", after, before)
	}
	epoch := epochOf(t, dir)
	must(t, os.Remove(filepath.Join(dir, "audit", config.StateDirName, "redact.key")))
	ok(t, runOnce(dir, "--redact", "archive")...)
	if now := epochOf(t, dir); now == epoch {
		t.Error("another key, and no other epoch")
	}
	if after := files(t, archive); len(after) != len(before)+1 || strings.Join(after[:1], "") != strings.Join(before[:1], "") || strings.HasPrefix(after[1], "data/") {
		t.Errorf("with another key the file was archived again: %q", after)
	}
}

func recordOf(t *testing.T, archive string) string {
	t.Helper()
	for _, name := range files(t, archive) {
		text := string(audittest.ReadFile(t, filepath.Join(archive, name)))
		if strings.HasPrefix(name, "manifests") && strings.Contains(text, `"kind":"file"`) {
			return text
		}
	}
	t.Fatal("no record")
	return ""
}

func epochOf(t *testing.T, dir string) string {
	t.Helper()
	var ledger struct{ Epoch string }
	must(t, json.Unmarshal(audittest.ReadFile(t, filepath.Join(dir, "audit", config.StateDirName, "ledger.json")), &ledger))
	return ledger.Epoch
}
