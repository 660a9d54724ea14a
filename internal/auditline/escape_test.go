package auditline

import (
	"encoding/json"
	"testing"
)

// checkEscape holds decodeEscape against encoding/json.
func checkEscape(t *testing.T, raw []byte) {
	r, n := decodeEscape(raw)
	if n > len(raw) {
		t.Fatalf("%q: length %d", raw, n)
	}
	if n > 0 {
		if got, want := string(r), unescaped(t, raw[:n]); got != want {
			t.Fatalf("%q is %q, want %q", raw[:n], got, want)
		}
		return
	}
	for _, n := range []int{2, 6} {
		if len(raw) >= n && raw[0] == '\\' && (n == 2 || raw[1] == 'u') && json.Valid(quoted(raw[:n])) {
			t.Fatalf("%q is an escape sequence", raw[:n])
		}
	}
}

func quoted(raw []byte) []byte { return []byte(`"` + string(raw) + `"`) }

func unescaped(t *testing.T, raw []byte) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(quoted(raw), &s); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return s
}

func TestDecodeEscape(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want rune
		n    int
	}{
		{`\"`, '"', 2}, {`\\`, '\\', 2}, {`\/`, '/', 2},
		{`\b`, '\b', 2}, {`\f`, '\f', 2}, {`\n`, '\n', 2}, {`\r`, '\r', 2}, {`\t`, '\t', 2},
		{`\u0026x`, '&', 6}, {`\u00e9`, 'é', 6}, {`\u00E9`, 'é', 6}, {`\u0000`, 0, 6},
		{`\ud83d\ude00`, '😀', 12}, {`\uD83D\uDE00`, '😀', 12},
		{`\ud83d`, '\ufffd', 6}, {`\ude00\ud83d`, '\ufffd', 6}, {`\ud83d\u0041`, '\ufffd', 6},
		{`\ud83d\ud83d\ude00`, '\ufffd', 6}, {`\ud83dxude00`, '\ufffd', 6}, {`\ud83d\ude0`, '\ufffd', 6},
		{``, 0, 0}, {`\`, 0, 0}, {`n`, 0, 0}, {`nn`, 0, 0}, {`\x`, 0, 0}, {`\u`, 0, 0}, {`\u12`, 0, 0}, {`\u12g4`, 0, 0},
		{`\U0041`, 0, 0}, {`\u-041`, 0, 0}, {`\u+041`, 0, 0}, {`\'`, 0, 0}, {`\a`, 0, 0},
	} {
		if r, n := decodeEscape([]byte(c.raw)); r != c.want || n != c.n {
			t.Errorf("%q is %q of %d bytes, want %q of %d", c.raw, r, n, c.want, c.n)
		}
	}
}

func FuzzDecodeEscape(f *testing.F) {
	for _, seed := range []string{`\n`, `\u0026`, `\ud83d\ude00`, `\ud83d\u0041`, `\ude00`, `\x`, `\u12`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkEscape)
}
