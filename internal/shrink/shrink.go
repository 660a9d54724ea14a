// Package shrink shortens the lines that Loki would refuse for their length. The archive has them
// whole.
//
// In an event the values of requestObject and responseObject are replaced, the larger one first and
// only as needed, by
//
//	{"auditsidecar":{"shrunk":"requestObject","bytes":N,"sha256":"…"}}
//
// with the size and the SHA-256 of the replaced bytes. A line whose rest is not a JSON object, or is
// still too long, becomes a stub with the start of the line (at most 1 KiB of it, as valid UTF-8):
//
//	{"auditsidecar":{"shrunk":"line","bytes":N,"sha256":"…","prefix":"…"}}
//
// The result depends on the line and the limit only. It has at most limit bytes if limit is at least
// [MinLimit], and is always valid JSON if it is not the line itself.
package shrink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"strconv"
	"unicode/utf8"
)

const (
	// MinLimit is the smallest limit that can always be kept.
	MinLimit = 512

	maxPrefix     = 1 << 10 // bytes of a line that are shown in its stub
	maxPrefixJSON = 2 << 10 // bytes that they may take as JSON
)

// Line returns the line as it is if it has at most limit bytes; otherwise a shorter one, made in
// dst[:0], grown as needed.
func Line(line []byte, limit int, dst []byte) []byte {
	if len(line) <= limit {
		return line
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(line)), nil }
	short, _, _ := Long(LongLine{Open: open, Size: int64(len(line)), Start: line}, limit, dst) // reading memory never fails
	return short
}

// Stub returns the stub of a line of which only the start was read, with the whole line's length as
// bytes and without a hash. It is made in dst[:0], grown as needed.
//
//	{"auditsidecar":{"shrunk":"line","bytes":N,"prefix":"…"}}
func Stub(start []byte, length int64, dst []byte) []byte {
	dst = appendMarker(dst[:0], "line", length, nil)
	return appendPrefix(dst, start, len(dst)+maxPrefixJSON+64)
}

// saving is how many bytes shorter a line gets by the replacement.
func (b *body) saving() int64 {
	const fixed = len(`{"auditsidecar":{"shrunk":"","bytes":,"sha256":""}}`) + 2*sha256.Size
	size := b.end - b.start
	return size - int64(fixed+len(b.name)+len(strconv.FormatInt(size, 10)))
}

// cutter copies a line that is written to it in pieces and replaces the bodies to be cut.
type cutter struct {
	bodies []body
	at     int64 // offset in the line
	dst    []byte
	sum    hash.Hash // of the body at hand; nil: write null for each body
}

// Write takes the next piece. It never fails.
func (c *cutter) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		for len(c.bodies) > 0 && !c.bodies[0].cut {
			c.bodies = c.bodies[1:]
		}
		if len(c.bodies) == 0 {
			c.dst = append(c.dst, p...)
			break
		}
		body := &c.bodies[0]
		n := min(body.start-c.at, int64(len(p)))
		if n > 0 {
			c.dst = append(c.dst, p[:n]...)
		} else if n = min(body.end-c.at, int64(len(p))); c.sum != nil {
			c.sum.Write(p[:n])
		}
		c.at, p = c.at+n, p[n:]
		if c.at == body.end {
			c.replace(body)
		}
	}
	return all, nil
}

// replace writes the substitute of a body.
func (c *cutter) replace(b *body) {
	c.bodies = c.bodies[1:]
	if c.sum == nil {
		c.dst = append(c.dst, "null"...)
		return
	}
	c.dst = append(appendMarker(c.dst, b.name, b.end-b.start, c.sum.Sum(nil)), "}}"...)
	c.sum.Reset()
}

// appendMarker appends the marker for n bytes with this SHA-256, without its two closing
// braces; nil leaves the hash out.
func appendMarker(dst []byte, name string, size int64, sum []byte) []byte {
	dst = append(append(dst, `{"auditsidecar":{"shrunk":"`...), name...)
	dst = strconv.AppendInt(append(dst, `","bytes":`...), size, 10)
	if sum == nil {
		return dst
	}
	dst = hex.AppendEncode(append(dst, `,"sha256":"`...), sum)
	return append(dst, '"')
}

// appendPrefix ends a stub with as much of the start of its line as fits. A rune that is cut in two
// is left out.
func appendPrefix(dst, line []byte, limit int) []byte {
	const head = `,"prefix":`
	room := min(maxPrefixJSON+len(`""`), limit-len(dst)-len(head)-len(`}}`))
	for n := min(len(line), maxPrefix); ; {
		for n > 0 && n < len(line) && !utf8.RuneStart(line[n]) {
			n--
		}
		text, _ := json.Marshal(string(line[:n])) // of a string: never fails
		if over := len(text) - room; over > 0 && n > 0 {
			n -= min(n, max(1, over/len(`\u0000`)))
			continue
		}
		dst = append(append(dst, head...), text...)
		return append(dst, `}}`...)
	}
}
