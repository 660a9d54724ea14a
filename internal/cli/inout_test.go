package cli

import (
	"encoding/json"
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
