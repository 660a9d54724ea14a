package redact

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// Redactor applies a [Policy]. Several may share a policy; one is
// not safe for concurrent use.
type Redactor struct {
	walk
	policy  *Policy
	key     Key
	quick   quick
	decoder auditline.Decoder
	event   auditline.Event // of the line at hand
	json    auditline.Walker

	// Of the line at hand; the memory is reused.
	found  []found // members of the event
	refs   []ref   // objectRefs of the event, one as a rule
	unsure bool    // the event is torn: without a ref it may be about anything
}

// New returns a Redactor that hashes replaced values under a key.
func New(policy *Policy, key Key) *Redactor {
	w := walk{edit: edit{mac: hmac.New(sha256.New, key[:])}, inner: policy.inner}
	return &Redactor{walk: w, policy: policy, key: key, quick: newQuick(policy)}
}

// Line returns a line of the log, without its newline, as it may leave the
// node. Where nothing had to be replaced that is the line itself; otherwise it
// is made in dst[:0], grown as needed, and changed is true.
//
// The result depends on the line, the policy and the key alone. It is valid
// JSON where the line is. Any bytes are taken for a line.
func (r *Redactor) Line(dst, line []byte) (out []byte, changed bool) {
	r.event.Release()
	if r.decoder.Skim(line, &r.event) {
		return r.Decoded(dst, line, &r.event)
	}
	return r.Decoded(dst, line, nil)
}

// Decoded is [Redactor.Line] for a line whose event is known: that of a line in kube-apiserver's
// own form ([auditline.Decoder.Skim]), nil for any other.
func (r *Redactor) Decoded(dst, line []byte, e *auditline.Event) (out []byte, changed bool) {
	if e != nil && r.quick.passes(e) {
		return line, false
	}
	r.begin(line, dst)
	r.nested = false
	switch {
	case len(line) == 0 || !r.policy.reaches || r.whole():
	default:
		r.torn()
	}
	r.trim()
	return r.end()
}

// Replaced returns how many values were replaced in the last line that was changed.
func (r *Redactor) Replaced() int { return r.replaced }

// trim gives back memory that only a strange line needed.
func (r *Redactor) trim() {
	const keep = 1 << 12 // entries
	if cap(r.found) > keep || cap(r.refs) > keep || cap(r.positions) > keep {
		r.found, r.refs, r.positions = nil, nil, nil
	}
}

// valid reports whether a text is one JSON value with nothing but white space around it.
func (r *Redactor) valid(text []byte) bool {
	end, ok := r.json.Value(text, 0)
	return ok && space(text, end) == len(text)
}

// whole treats a line that is one JSON value; it reports whether it is one.
func (r *Redactor) whole() bool {
	i := space(r.b, 0)
	switch {
	case at(r.b, i) == '{':
		return r.members(0)
	case !r.valid(r.b):
		return false
	case at(r.b, i) == '[':
		r.list(i)
	default:
		r.leaves(i) // no known program writes such a line
	}
	return true
}
