// Package renew makes input for benchmarks from real audit lines.
package renew

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"time"
)

// shift is how far the clock moves from one round over the corpus to the next.
const shift = 97 * time.Second

// Lines rewrites real audit lines so that going round them again does not
// repeat the bytes that a compressor has seen: every UUID (audit IDs, UIDs of users and
// objects), timestamp, resource version and object name gets a value of its own
// in each round, the same one wherever the line or another line repeats it.
type Lines struct {
	uuid, stamp, version, name *regexp.Regexp
	Round                      int // from 0
}

// New returns a Lines of round 0, which changes nothing.
func New() *Lines {
	return &Lines{
		uuid:    regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		stamp:   regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z`),
		version: regexp.MustCompile(`"resourceVersion":"\d+"`),
		name:    regexp.MustCompile(`\b(?:cm|pod|sa|edit|pb|role|secret|svc|dep)-(?:[a-z]+-)?\d+\b`),
	}
}

// Line returns a line of the current round.
func (r *Lines) Line(b []byte) []byte {
	if r.Round == 0 {
		return b
	}
	b = r.uuid.ReplaceAllFunc(b, r.newUUID)
	b = r.stamp.ReplaceAllFunc(b, r.newStamp)
	b = r.name.ReplaceAllFunc(b, r.newName)
	return r.version.ReplaceAllFunc(b, r.newVersion)
}

func (r *Lines) newUUID(old []byte) []byte {
	h := fnv.New128a()
	fmt.Fprintf(h, "%d %s", r.Round, old)
	s := h.Sum(nil)
	s[6] = s[6]&0x0f | 0x40
	s[8] = s[8]&0x3f | 0x80
	return fmt.Appendf(nil, "%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:])
}

func (r *Lines) newStamp(old []byte) []byte {
	layout := "2006-01-02T15:04:05Z"
	if len(old) > len(layout) {
		layout = "2006-01-02T15:04:05.000000Z"
	}
	t, err := time.Parse(layout, string(old))
	if err != nil {
		return old
	}
	// Some microseconds of noise: real events are never a whole number of
	// rounds apart.
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s", r.Round, old)
	t = t.Add(time.Duration(r.Round)*shift + time.Duration(h.Sum32()%5000)*time.Microsecond)
	return t.AppendFormat(nil, layout)
}

// newName gives an object of a round a number of its own.
func (r *Lines) newName(old []byte) []byte {
	return fmt.Appendf(bytes.Clone(old), "%02d", r.Round)
}

func (r *Lines) newVersion(old []byte) []byte {
	digits := bytes.Trim(old[len(`"resourceVersion":`):], `"`)
	n, err := strconv.Atoi(string(digits))
	if err != nil || n == 0 {
		return old
	}
	return fmt.Appendf(nil, `"resourceVersion":"%d"`, n+r.Round*30011)
}
