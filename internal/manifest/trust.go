package manifest

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// Fault names a fault of a record's signature.
type Fault string

// The faults of signatures.
const (
	// FaultUnsigned: no signature, although records before it have one.
	FaultUnsigned Fault = "unsigned"
	// FaultSignature: the signature does not fit the record.
	FaultSignature Fault = "bad_signature"
	// FaultKey: signed by a key that may not sign it.
	FaultKey Fault = "unknown_key"
)

// Trust is which key is believed, along the records of one tree. Only the key in
// force hands over, and a key that was replaced signs no more.
type Trust struct {
	// Given are the keys that a verifier trusts: they override every handover. Without
	// any, the first key of the tree is believed.
	Given []TrustedKey
	// Current is the key in force, a vkey; empty before the first.
	Current string

	// Replaced are the keys that were in force before.
	Replaced []string

	verifiers map[string]note.Verifier // by vkey; nil for an invalid one
}

// verifier returns that of a vkey, made once.
func (t *Trust) verifier(vkey string) note.Verifier {
	v, made := t.verifiers[vkey]
	if !made {
		if t.verifiers == nil {
			t.verifiers = map[string]note.Verifier{}
		}
		v, _ = note.NewVerifier(vkey)
		t.verifiers[vkey] = v
	}
	return v
}

// Check returns the fault of a record's signature, empty if it has none, and takes the
// key of a key record. Records before the first signature need none: it covers them.
func (t *Trust) Check(e *Entry) (fault Fault, detail string) {
	if e.Kind == KindKey {
		return t.take(e)
	}
	s := e.Point.Signature
	switch {
	case s == nil && t.Current != "":
		return FaultUnsigned, "it is not signed, but records before it are"
	case s == nil:
		return "", ""
	}
	vkey, detail := t.signer(e.Number, s)
	if vkey == "" {
		return FaultKey, detail
	}
	if err := e.Verify(t.verifier(vkey)); err != nil {
		return FaultSignature, fmt.Sprintf("its signature is not by key %s over this checkpoint", vkey)
	}
	t.Current = vkey
	return "", ""
}

// VerifyBy checks the signature of the record's checkpoint with a vkey.
func (r *Record) VerifyBy(vkey string) error {
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("verify record %d: %w", r.Number, err)
	}
	return r.Verify(key)
}

// signer finds the key that a signature must be by; empty, and the reason, if there is
// none.
func (t *Trust) signer(number int64, s *note.Signature) (vkey, detail string) {
	by := func(vkey string) bool {
		key := t.verifier(vkey)
		return key != nil && key.Name() == s.Name && key.KeyHash() == s.Hash
	}
	id := fmt.Sprintf("%s+%08x", s.Name, s.Hash)
	if slices.ContainsFunc(t.Replaced, by) {
		return "", fmt.Sprintf("signed by key %s, which %s has replaced", id, t.Current)
	}
	if t.Given == nil {
		if t.Current != "" && by(t.Current) {
			return t.Current, ""
		}
		return "", fmt.Sprintf("signed by key %s, which no record before it introduces", id)
	}
	for _, key := range t.Given {
		if !by(key.Vkey) {
			continue
		}
		if number < key.From || key.Until > 0 && number > key.Until {
			detail = fmt.Sprintf("signed by key %s, which is not trusted for this number", id)
			continue
		}
		return key.Vkey, ""
	}
	if detail == "" {
		detail = fmt.Sprintf("signed by key %s, which was not given", id)
	}
	return "", detail
}

// take checks a key record. Its key is in force if it was given; without given keys,
// if it is the first, or the one in force hands over to it.
func (t *Trust) take(e *Entry) (Fault, string) {
	vkey := e.Key.Vkey
	s, key := e.Point.Signature, e.Key
	verifier := t.verifier(vkey)
	if verifier == nil || s == nil || e.Verify(verifier) != nil {
		return FaultSignature, fmt.Sprintf("it names key %s and is not signed by it", vkey)
	}
	switch {
	case slices.Contains(t.Replaced, vkey):
		return FaultKey, fmt.Sprintf("key %s takes over again after it was replaced", vkey)
	case t.Given != nil:
		if _, detail := t.signer(e.Number, s); detail != "" {
			return FaultKey, detail
		}
	case t.Current != "" && t.Current != vkey && !key.HandedOverBy(t.Current):
		return FaultKey, fmt.Sprintf("key %s takes over without the consent of the key in force, %s", vkey, t.Current)
	}
	if t.Current != "" && t.Current != vkey {
		t.Replaced = append(t.Replaced, t.Current)
	}
	t.Current = vkey
	return "", ""
}
