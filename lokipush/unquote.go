package lokipush

import (
	"bytes"
	"unicode/utf8"

	"github.com/auditsidecar/auditsidecar/internal/jsonescape"
)

// keyText returns the key with its escapes resolved. kube-apiserver never escapes a key, so the
// copy is made for foreign lines only.
func keyText(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	text, _ := appendUnquoted(nil, raw)
	return text
}

// appendUnquoted appends what the JSON string with these contents stands for, always valid UTF-8:
// invalid bytes and lone surrogates become U+FFFD, as in encoding/json. It returns false, with what
// it had until then, at an escape that JSON does not know.
func appendUnquoted(dst, raw []byte) ([]byte, bool) {
	for len(raw) > 0 {
		if raw[0] != '\\' {
			r, n := utf8.DecodeRune(raw)
			dst, raw = utf8.AppendRune(dst, r), raw[n:]
			continue
		}
		r, n := jsonescape.Decode(raw)
		if n == 0 {
			return dst, false
		}
		dst, raw = utf8.AppendRune(dst, r), raw[n:]
	}
	return dst, true
}
