package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No control character of an archive reaches a terminal in JSON either, and the value
// stays the same.
func TestWriteJSONEscapesControls(t *testing.T) {
	const text = "a\u009bb\u007f\u0000ü\u0080<\U0001F600"
	var b strings.Builder
	if err := writeJSON(&b, map[string]string{"k": text}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(strings.ReplaceAll(b.String(), "\n", ""), func(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }); i >= 0 {
		t.Errorf("a control character in %q", b.String())
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got["k"] != text || !strings.Contains(b.String(), "ü") {
		t.Errorf("%q: %v", b.String(), err)
	}
}

// A directory within another is found through links, and before it exists.
func TestWithin(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "archive")
	must(t, os.MkdirAll(filepath.Join(archive, "data"), 0o700))
	must(t, os.Symlink(archive, filepath.Join(dir, "link")))
	must(t, os.Symlink(filepath.Join(archive, "data"), filepath.Join(dir, "data")))
	for path, want := range map[string]bool{
		"archive": true, "archive/new": true, "archive/data/a/b": true, "link/new": true, "data": true, "data/new/deep": true,
		"other": false, "archive2/new": false, "archive/../new": false, ".": false, "new/deep": false, "archive/..data": true,
	} {
		for _, at := range []string{archive, filepath.Join(dir, "link")} {
			if got, err := within(at, filepath.Join(dir, path)); err != nil || got != want {
				t.Errorf("%s in %s: %v, %v; want %v", path, at, got, err, want)
			}
		}
	}
}
