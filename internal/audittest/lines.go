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

// renew overwrites the auditID and the stageTimestamp of line in place where
// they have the lengths that kube-apiserver gives them.
func renew(line []byte, number int, now time.Time) {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012x", number)
	overwrite(line, `"auditID":"`, id)
	overwrite(line, `"stageTimestamp":"`, now.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// overwrite puts value after the first key in line if the string there has the
// same length; the key's first place is the event's own because bodies of
// requests escape their quotes or come later.
func overwrite(line []byte, key, value string) {
	at := bytes.Index(line, []byte(key))
	if key == `"stageTimestamp":"` {
		at = bytes.LastIndex(line, []byte(key))
	}
	if at < 0 {
		return
	}
	start := at + len(key)
	end := start + len(value)
	if end < len(line) && line[end] == '"' {
		copy(line[start:end], value)
	}
}
