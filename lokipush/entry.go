package lokipush

import (
	"bytes"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxValueLen bounds one metadata value. Loki takes 64 KiB of structured metadata for a line; eleven
// values of this size are well below. Longer ones are cut: the line has the whole value.
const maxValueLen = 2 << 10

const cutMark = "…"

// pair is one element of the structured metadata.
type pair struct {
	name  string
	value []byte
}

// maxPairs is how many there are.
const maxPairs = 11

// entry is one entry with its sizes computed, so that it can be appended in one go.
type entry struct {
	seconds  int64
	nanos    int64
	line     []byte
	pairs    [maxPairs]pair
	numPairs int
	stamp    int // encoded size of the timestamp message
	size     int // encoded size of the whole entry message
}

// ValidLine returns the line as Loki and the proxies before it take it: each byte that is not UTF-8 is
// U+FFFD, as encoding/json reads it. A line of valid UTF-8 is returned as it is.
func ValidLine(line []byte) []byte {
	if utf8.Valid(line) {
		return line
	}
	return []byte(string([]rune(string(line))))
}

// set makes e the entry of a line.
func (e *entry) set(timestamp time.Time, line []byte, fields *Fields) {
	e.seconds, e.nanos, e.line, e.numPairs = timestamp.Unix(), int64(timestamp.Nanosecond()), line, 0
	e.stamp = sizeInt(timestampSeconds, e.seconds) + sizeInt(timestampNanos, e.nanos)
	e.size = sizeField(entryTimestamp, e.stamp) + sizeField(entryLine, len(line))
	if fields != nil {
		e.collect(fields)
	}
}

// MetadataNames lists the names that the structured metadata of an entry can have.
func MetadataNames() []string {
	return []string{"user", "verb", "api_group", "resource", "subresource", "namespace", "name", "code", "stage", "level", "audit_id"}
}

// collect takes the metadata in a fixed order: a retry must not differ in a byte.
func (e *entry) collect(f *Fields) {
	e.add("user", f.User, f.valid)
	e.add("verb", f.Verb, f.valid)
	e.add("api_group", f.Group, f.valid)
	e.add("resource", f.Resource, f.valid)
	e.add("subresource", f.Subresource, f.valid)
	e.add("namespace", f.Namespace, f.valid)
	e.add("name", f.Name, f.valid)
	e.add("code", f.Code, f.valid)
	e.add("stage", f.Stage, f.valid)
	e.add("level", f.Level, f.valid)
	e.add("audit_id", f.AuditID, f.valid)
}

// add takes a value; valid: it is known to be UTF-8.
func (e *entry) add(name string, value []byte, valid bool) {
	if len(value) == 0 {
		return
	}
	if !valid || len(value) > maxValueLen {
		value = clipValue(value)
	}
	e.pairs[e.numPairs] = pair{name, value}
	e.numPairs++
	e.size += sizeField(entryMetadata, pairSize(name, value))
}

// clipValue returns value as valid UTF-8 of at most maxValueLen bytes.
func clipValue(value []byte) []byte {
	if len(value) > maxValueLen {
		cut := maxValueLen - len(cutMark)
		for cut > 0 && !utf8.RuneStart(value[cut]) {
			cut--
		}
		value = append(value[:cut:cut], cutMark...)
	}
	if !utf8.Valid(value) {
		value = bytes.ToValidUTF8(value, []byte("?"))
	}
	return value
}

// append appends the entry as a field of its stream.
func (e *entry) append(dst []byte) []byte {
	dst = appendHead(dst, streamEntries, e.size)
	dst = appendHead(dst, entryTimestamp, e.stamp)
	dst = appendInt(dst, timestampSeconds, e.seconds)
	dst = appendInt(dst, timestampNanos, e.nanos)
	dst = appendHead(dst, entryLine, len(e.line))
	dst = append(dst, e.line...)
	for i := range e.pairs[:e.numPairs] {
		p := &e.pairs[i]
		dst = appendHead(dst, entryMetadata, pairSize(p.name, p.value))
		dst = append(appendHead(dst, pairName, len(p.name)), p.name...)
		dst = append(appendHead(dst, pairValue, len(p.value)), p.value...)
	}
	return dst
}

func pairSize(name string, value []byte) int {
	return sizeField(pairName, len(name)) + sizeField(pairValue, len(value))
}

// sizeField is the size of a length-delimited field with n bytes of content.
func sizeField(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

// appendHead appends tag and length of a length-delimited field.
func appendHead(dst []byte, field protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.BytesType), uint64(n))
}

// sizeInt is the size of an integer field; proto3 leaves out zero.
func sizeInt(field protowire.Number, v int64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(uint64(v))
}

func appendInt(dst []byte, field protowire.Number, v int64) []byte {
	if v == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, field, protowire.VarintType)
	return protowire.AppendVarint(dst, uint64(v))
}
