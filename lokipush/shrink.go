package lokipush

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

const (
	// DefaultMaxLine is the longest line that Loki takes by default (limits_config.max_line_size).
	DefaultMaxLine = 256 << 10
	// MinMaxLine is the smallest limit that Shrink can always keep.
	MinMaxLine = 512

	maxPrefix        = 1 << 10 // bytes of a line that are shown in its stub
	maxPrefixEscaped = 2 << 10 // bytes that they may take as JSON
	maxBodies        = 8       // request and response objects looked at in one line; more are duplicate keys
)

// Shrink returns the line as it is when it has at most limit bytes. Otherwise it returns a shorter
// JSON line, made in dst[:0] (grown as needed), so that Loki takes it; the archive has the whole
// line. In an event the values of requestObject and responseObject are replaced, the larger one
// first and only as needed, by
//
//	{"auditsidecar":{"shrunk":"requestObject","bytes":N,"sha256":"…"}}
//
// with the size and the SHA-256 of the replaced bytes. A line that is no JSON object, or still too
// long, becomes a stub with the start of the line (at most 1 KiB of it, as valid UTF-8):
//
//	{"auditsidecar":{"shrunk":"line","bytes":N,"sha256":"…","prefix":"…"}}
//
// The result depends on line and limit only. It has at most limit bytes when limit is at least
// MinMaxLine, and is always valid JSON when it is not the line itself.
func Shrink(line []byte, limit int, dst []byte) []byte {
	if len(line) <= limit {
		return line
	}
	dst = dst[:0]
	if cuts, n, ok := planCuts(line, limit); ok {
		return appendCut(dst, line, cuts[:n])
	}
	return appendStub(dst, line, limit)
}

// cut is one value to be replaced.
type cut struct {
	name       string
	start, end int  // in the line
	chosen     bool // to be replaced
	marker     int  // length of its marker
}

// planCuts finds the values whose replacement brings the line below the limit, in line order.
func planCuts(line []byte, limit int) (cuts [maxBodies]cut, n int, ok bool) {
	if !json.Valid(line) {
		return cuts, 0, false
	}
	n = findBodies(line, &cuts)
	return cuts, n, choose(cuts[:n], len(line), limit)
}

// choose chooses the cuts that bring a line of size bytes below the limit.
func choose(cuts []cut, size, limit int) bool {
	for size > limit {
		largest := -1
		for i, c := range cuts {
			if !c.chosen && c.saving() > 0 && (largest < 0 || c.saving() > cuts[largest].saving()) {
				largest = i
			}
		}
		if largest < 0 {
			return false
		}
		cuts[largest].chosen = true
		size -= cuts[largest].saving()
	}
	return true
}

func (c cut) saving() int { return c.end - c.start - c.marker }

// findBodies lists the request and response objects at the top level of the event.
func findBodies(line []byte, cuts *[maxBodies]cut) int {
	n := 0
	event := openObject(line)
	for m, ok := event.member(); ok && n < maxBodies; m, ok = event.member() {
		name := bodyName(m.key)
		if name == "" {
			continue
		}
		cuts[n] = cut{name: name, start: m.start, end: m.start + len(m.value), marker: markerLen(name, len(m.value))}
		n++
	}
	return n
}

// bodyName returns the name of a request or response object by its key, and
// nothing for any other key.
func bodyName(key []byte) string {
	switch name := string(keyText(key)); name {
	case "requestObject", "responseObject":
		return name
	}
	return ""
}

// markerLen is the length of appendMarker's result, known without hashing.
func markerLen(name string, size int) int {
	const fixed = len(`{"auditsidecar":{"shrunk":"","bytes":,"sha256":""}}`) + 2*sha256.Size
	return fixed + len(name) + len(strconv.Itoa(size))
}

func appendCut(dst, line []byte, cuts []cut) []byte {
	from := 0
	for _, c := range cuts {
		if !c.chosen {
			continue
		}
		dst = append(dst, line[from:c.start]...)
		dst = append(appendMarker(dst, c.name, line[c.start:c.end]), "}}"...)
		from = c.end
	}
	return append(dst, line[from:]...)
}

// appendMarker appends the marker for the replaced bytes, without its two closing braces.
func appendMarker(dst []byte, name string, replaced []byte) []byte {
	sum := sha256.Sum256(replaced)
	return appendMarkerOf(dst, name, int64(len(replaced)), sum[:])
}

// appendMarkerOf is appendMarker for so many bytes with this SHA-256; nil leaves it out.
func appendMarkerOf(dst []byte, name string, size int64, sum []byte) []byte {
	dst = append(append(dst, `{"auditsidecar":{"shrunk":"`...), name...)
	dst = strconv.AppendInt(append(dst, `","bytes":`...), size, 10)
	if sum == nil {
		return dst
	}
	dst = hex.AppendEncode(append(dst, `,"sha256":"`...), sum)
	return append(dst, '"')
}

// Stub returns the stub of a line of which only the start was read: as Shrink's, with the whole
// line's length as bytes and without a hash. It is made in dst[:0], grown as needed.
//
//	{"auditsidecar":{"shrunk":"line","bytes":N,"prefix":"…"}}
func Stub(start []byte, length int64, dst []byte) []byte {
	dst = appendMarkerOf(dst[:0], "line", length, nil)
	return appendPrefix(dst, start, len(dst)+maxPrefixEscaped+64)
}

func appendStub(dst, line []byte, limit int) []byte {
	return appendPrefix(appendMarker(dst, "line", line), line, limit)
}

// appendPrefix ends a stub with the start of its line.
func appendPrefix(dst, line []byte, limit int) []byte {
	dst = append(dst, `,"prefix":"`...)
	room := min(maxPrefixEscaped, limit-len(dst)-len(`"}}`))
	dst = appendEscaped(dst, line[:min(len(line), maxPrefix)], room)
	return append(dst, `"}}`...)
}

// appendEscaped appends as much of text as takes at most room bytes as the contents of a JSON
// string. Invalid UTF-8 becomes U+FFFD; a rune cut in two at the end is dropped.
func appendEscaped(dst, text []byte, room int) []byte {
	const hexDigits = "0123456789abcdef"
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 && !utf8.FullRune(text) {
			break
		}
		var piece [6]byte
		escaped := piece[:0]
		switch {
		case r == '"' || r == '\\':
			escaped = append(escaped, '\\', byte(r))
		case r < ' ':
			escaped = append(escaped, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			escaped = utf8.AppendRune(escaped, r)
		}
		if room -= len(escaped); room < 0 {
			break
		}
		dst, text = append(dst, escaped...), text[n:]
	}
	return dst
}
