package redact

import (
	"bytes"
	"slices"
)

// torn replaces possible secrets in the line r.b, which is not one JSON
// value: torn by a crash and glued to the next event, cut by a full disk, or
// begun in the middle. Whole events in it are treated like any other. Of the
// event that the line begins with, the part before the response status and
// the bodies is kept, as far as it is whole. Everything else is replaced, because
// nothing says which part it is. NUL bytes, the hole that a truncation leaves, stay.
func (r *Redactor) torn() {
	line, first, kept := r.b, len(r.b), 0
	for whole := range r.json.Events(line) {
		first = whole.From
		break
	}
	if bytes.HasPrefix(line, []byte(eventHead)) && first > 0 {
		kept = r.beginning(line)
	}
	for whole := range r.json.Events(line) {
		r.unknown(kept, whole.From)
		r.b = line[:whole.To]
		r.members(whole.From)
		r.b, kept = line, whole.To
	}
	r.unknown(kept, len(line))
}

// beginning returns how much of the torn event at the start of a line is kept,
// and applies the rules to it: the members before the response
// status, as far as they are whole and in kube-apiserver's form.
func (r *Redactor) beginning(line []byte) int {
	end := len(eventHead)
	if n := bytes.Index(line[end:], []byte(eventHead)); n >= 0 {
		line = line[:end+n] // text glued to it is not one of its values
	}
	if n := bytes.IndexByte(line, 0); n >= 0 {
		line = line[:n] // nor is text after a hole
	}
	r.refs, r.found = r.refs[:0], r.found[:0]
	for end < len(line) && line[end] == ',' {
		colon := skipString(line, end+1)
		key := text(line[end+1 : colon])
		p, isPart := partOf(key)
		isPart = isPart && p >= partURI // and so before the status
		if at(line, colon) != ':' || !isPart && !slices.Contains([]string{"level", "auditID", "stage", "verb", "objectRef"}, string(key)) {
			break
		}
		to, ok := r.json.Value(line, colon+1)
		if !ok || to < len(line) && line[to] != ',' && !hasPrefix(line[to:], markerPrefix) {
			break
		}
		if string(key) == "objectRef" {
			r.refs = append(r.refs, refOf(line, colon+1))
		} else if isPart {
			r.found = append(r.found, found{from: colon + 1, end: to, part: p})
		}
		end = to
	}
	r.unsure, r.nested = true, false
	for _, f := range r.found {
		r.apply(f, nil, true)
	}
	r.unsure = false
	return end
}

// unknown replaces b[from:to], but for NULs at its ends and for the separators of the events of a list.
func (e *edit) unknown(from, to int) {
	if len(bytes.Trim(e.b[from:to], "\ufeff \t\r[,]")) == 0 {
		return
	}
	for from < to && e.b[from] == 0 {
		from++
	}
	for from < to && e.b[to-1] == 0 {
		to--
	}
	e.replaceBare(from, to)
}
