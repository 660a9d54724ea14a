package verify

import (
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// trust is which keys are believed, along the records of one log.
type trust struct {
	given   bool                         // keys were given: no other is taken on its own word
	known   map[string]ed25519.PublicKey // by ID
	current string                       // of the epoch; empty before its first key record
}

// checkKeys checks the signatures of a log. A signature covers, by the links,
// every record before it: those before the first key of an epoch need none.
func (l *nodeLog) checkKeys(given []ed25519.PublicKey, found *findings) {
	t := trust{given: len(given) > 0, known: map[string]ed25519.PublicKey{}}
	for _, key := range given {
		t.known[manifest.KeyID(key)] = key
	}
	for _, e := range l.epochs {
		expected := len(t.known) > 0 // given, or of an earlier epoch
		t.current = ""
		found.find(t.checkEpoch(e)...)
		if expected && len(e.records) > 0 && !slices.ContainsFunc(e.records, func(r *record) bool { return r.KeyID != "" }) {
			f := e.finding(KindUnsigned, "no record of this epoch is signed: anybody may have written it")
			f.From, f.To = e.summary.First, e.summary.Last
			found.find(f)
		}
	}
}

// checkEpoch checks the signatures of an epoch. Records in a row with the same
// fault are one finding.
func (t *trust) checkEpoch(e *epoch) (bad []Finding) {
	signed := map[string]bool{}
	var run *Finding // the last of bad, while it extends from record to record
	for _, r := range e.records {
		kind, detail := t.check(r)
		switch {
		case kind == "":
			run = nil
			if r.KeyID != "" {
				e.summary.Signed++
				signed[r.KeyID] = true
			}
		case run != nil && run.Kind == kind && run.Detail == detail:
			run.Last, run.Object, run.File, run.Lines = max(run.Seq, run.Last, r.Seq), "", "", nil
			_, run.To = r.span()
		default:
			bad = append(bad, r.finding(kind, detail))
			run = &bad[len(bad)-1]
		}
	}
	e.summary.Keys = slices.Sorted(maps.Keys(signed))
	return bad
}

// check returns the fault of a record's signature, and takes the key of a key
// record.
func (t *trust) check(r *record) (Kind, string) {
	if r.Kind == manifest.KindKey {
		return t.take(r)
	}
	switch {
	case r.KeyID == "" && t.current != "":
		return KindUnsigned, "it is not signed, but records before it are"
	case r.KeyID == "":
		return "", ""
	}
	key, ok := t.known[r.KeyID]
	switch {
	case !ok:
		return KindUnknownKey, fmt.Sprintf("signed by key %s, which nobody vouches for", r.KeyID)
	case t.current != "" && r.KeyID != t.current:
		return KindUnknownKey, fmt.Sprintf("signed by key %s, although %s had taken over", r.KeyID, t.current)
	case r.Verify(key) != nil:
		return KindBadSignature, fmt.Sprintf("its signature is not by key %s over this record", r.KeyID)
	}
	return "", ""
}

// take checks a key record and trusts its key if it was given, if a known key has
// signed for it, or if it is the very first.
func (t *trust) take(r *record) (Kind, string) {
	public := r.Key.Public()
	id := manifest.KeyID(public)
	if r.KeyID != id || r.Verify(public) != nil {
		return KindBadSignature, fmt.Sprintf("it names key %s and is not signed by it", id)
	}
	_, ok := t.known[id]
	if !ok && r.Key.Endorsement != nil {
		by, known := t.known[r.Key.Endorsement.KeyID]
		ok = known && r.Key.EndorsedBy(by)
	}
	if !ok && !t.given && len(t.known) == 0 {
		ok = true
	}
	if !ok {
		return KindUnknownKey, fmt.Sprintf("key %s takes over without the consent of one that is known", id)
	}
	t.known[id], t.current = public, id
	return "", ""
}
