package audittest

import (
	"bytes"
	"fmt"
	"iter"
	"time"
)

// Lines yields the lines of content without their newlines; a last line
// without a newline is yielded too. The slices point into content.
func Lines(content []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(content) {
			if !yield(bytes.TrimSuffix(line, []byte("\n"))) {
				return
			}
		}
	}
}

// Fresh yields n lines by going round content as often as needed, each with an
// auditID of its own (the line's number, from 0) and stageTimestamp set to the
// time of the call, so that no two lines are equal and a store that refuses old
// entries takes them. Lengths and field order stay as kube-apiserver writes
// them. A line without these fields is yielded as it is. A yielded slice is
// valid until the next one is asked for.
func Fresh(content []byte, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var buf []byte
		for i := 0; i < n; {
			before := i
			for line := range Lines(content) {
				if i == n {
					return
				}
				buf = append(buf[:0], line...)
				renew(buf, i, time.Now())
				i++
				if !yield(buf) {
					return
				}
			}
			if i == before {
				return // no lines at all
			}
		}
	}
}

// Now yields every line of content once with stageTimestamp set to the time of the call,
// and all else as it is. A yielded slice is valid until the next one is asked for.
func Now(content []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var buf []byte
		for line := range Lines(content) {
			buf = append(buf[:0], line...)
			stamp(buf, time.Now())
			if !yield(buf) {
				return
			}
		}
	}
}

// renew overwrites the auditID and the stageTimestamp of line in place where
// they have the lengths that kube-apiserver gives them.
func renew(line []byte, number int, now time.Time) {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012x", number)
	copy(value(line, `"auditID":"`, len(id)), id)
	stamp(line, now)
}

// stamp overwrites the stageTimestamp of line in place.
func stamp(line []byte, now time.Time) {
	stamp := now.UTC().Format("2006-01-02T15:04:05.000000Z")
	copy(value(line, `"stageTimestamp":"`, len(stamp)), stamp)
}

// value returns the part of line that is the string after key, or nothing
// where the string there has another length. kube-apiserver writes the auditID
// before and the timestamps after anything that a client controls, so the
// event's own auditID is the first, its own timestamps are the last.
func value(line []byte, key string, length int) []byte {
	at := bytes.LastIndex(line, []byte(key))
	if key == `"auditID":"` {
		at = bytes.Index(line, []byte(key))
	}
	end := at + len(key) + length
	if at < 0 || end >= len(line) || line[end] != '"' {
		return nil
	}
	return line[end-length : end]
}

// layout is that of kube-apiserver's timestamps (metav1.MicroTime).
const layout = "2006-01-02T15:04:05.000000Z"

// Shift returns a copy of content in which every event's timestamps have moved
// by the same time, so that the newest stageTimestamp is newest. Everything
// else, the order and the distances in time included, stays as kube-apiserver
// wrote it. Content without timestamps comes back as it is.
func Shift(content []byte, newest time.Time) []byte {
	content = bytes.Clone(content)
	var last time.Time
	for line := range Lines(content) {
		if t, err := time.Parse(layout, string(value(line, `"stageTimestamp":"`, len(layout)))); err == nil && t.After(last) {
			last = t
		}
	}
	shift(content, newest.Sub(last))
	return content
}

// shift moves every event's timestamps in place.
func shift(content []byte, by time.Duration) {
	for line := range Lines(content) {
		for _, key := range []string{`"requestReceivedTimestamp":"`, `"stageTimestamp":"`} {
			at := value(line, key, len(layout))
			if t, err := time.Parse(layout, string(at)); err == nil {
				copy(at, t.Add(by).UTC().Format(layout))
			}
		}
	}
}

// FullLine is a line with every field that kube-apiserver can write.
const FullLine = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"30257bb9-7a47-4863-bd7e-936fa552dca3","stage":"ResponseComplete","requestURI":"/api/v1/pods?a=1\u0026b=2","verb":"get","user":{"username":"alice"},"impersonatedUser":{"username":"bob","uid":"u","groups":["a","b"],"extra":{"k1":["v1","v2"],"k2":[]}},"authenticationMetadata":{"impersonationConstraint":"c"},"sourceIPs":["127.0.0.1","::1"],"userAgent":"kubectl/v1 \u003cx\u003e","objectRef":{"resource":"pods","namespace":"n","name":"p","uid":"o","apiGroup":"g","apiVersion":"v1","resourceVersion":"12","subresource":"log"},"responseStatus":{"metadata":{},"status":"Failure","message":"no \"such\"","reason":"NotFound","details":{"name":"p"},"code":200},"requestObject":{"a":[1,2,{"b":null}]},"responseObject":"x","requestReceivedTimestamp":"2026-11-22T16:59:23.092967Z","stageTimestamp":"2026-11-22T16:59:23.525775Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}
`
