package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// Redactor replaces what a [Policy] says. Several may share a policy; one is
// not safe for concurrent use.
type Redactor struct {
	policy *Policy
	key    Key
	quick  quick
	mac    hash.Hash
	sum    []byte // memory of the last HMAC

	json validator

	// Of the line at hand; the slices' memory is reused.
	b       []byte // the line, or its part that is looked at
	out     []byte // the result so far, in the caller's memory
	from    int    // bytes of b before it are in out, as they are or replaced
	changed bool
	nested  bool    // a Secret may be in the body
	scratch []byte  // memory for unescaped text
	places  []*node // a stack, owned by the functions that walk
	found   []found // members of the event
	refs    []ref   // objectRefs of the event, one as a rule
}

// New returns a Redactor that hashes what it replaces under a key.
func New(policy *Policy, key Key) *Redactor {
	return &Redactor{policy: policy, key: key, quick: newQuick(policy), mac: hmac.New(sha256.New, key[:])}
}

// Line returns a line of the log, without its newline, as it may leave the
// node. Where nothing had to be replaced that is the line itself; otherwise it
// is made in dst[:0], grown as needed, and changed is true.
//
// The result depends on the line, the policy and the key alone. It is valid
// JSON where the line is. Any bytes are taken for a line.
func (r *Redactor) Line(dst, line []byte) (out []byte, changed bool) {
	if r.quick.passes(line) {
		return line, false
	}
	r.b, r.out, r.from, r.changed, r.nested = line, dst[:0], 0, false, false
	switch {
	case len(line) == 0:
	case r.json.valid(line):
		r.whole()
	case r.policy.bodies:
		r.torn()
	case r.policy.uris:
		r.tornURIs(line)
	}
	out, changed = r.out, r.changed
	if changed {
		out = append(out, line[r.from:]...)
	} else {
		out = line
	}
	r.b, r.out = nil, nil
	r.trim()
	return out, changed
}

// trim gives back memory that only a strange line needed.
func (r *Redactor) trim() {
	const keep = 1 << 12 // entries
	if cap(r.json.members) > keep {
		r.json.members = nil
	}
	if cap(r.found) > keep || cap(r.refs) > keep || cap(r.places) > keep {
		r.found, r.refs, r.places = nil, nil, nil
	}
}

// whole treats a line that is one JSON value.
func (r *Redactor) whole() {
	if i := space(r.b, 0); at(r.b, i) == '{' {
		r.event(0) // the members' places count from the text that was validated
	} else if r.policy.bodies {
		r.leaves(i) // nobody writes such a line
	}
}
