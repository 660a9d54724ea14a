package verify

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// trust is which keys are believed, along the records of one log.
type trust struct {
	given   bool                         // keys were given: no other is taken on its own word
	known   map[string]ed25519.PublicKey // by ID
	current string                       // of the epoch; empty before its first key record
	run     *Finding                     // the last finding, while it goes on from record to record
}

// checkKeys checks the signatures of a log. A signature covers, by the links,
// every record before it: those before the first key of an epoch need none.
func (v *verification) checkKeys(log *nodeLog) {
	t := trust{given: len(v.opt.Keys) > 0, known: map[string]ed25519.PublicKey{}}
	for _, key := range v.opt.Keys {
		t.known[manifest.KeyID(key)] = key
	}
	for _, e := range log.epochs {
		expected := len(t.known) > 0 // given, or of an earlier epoch
		t.current = ""
		signed := map[string]bool{}
		for _, r := range e.records {
			kind, detail := t.check(r)
			if kind != "" {
				v.extend(&t, r, kind, detail)
				continue
			}
			t.run = nil
			if r.KeyID != "" {
				e.summary.Signed++
				signed[r.KeyID] = true
			}
		}
		t.run = nil
		for id := range signed {
			e.summary.Keys = append(e.summary.Keys, id)
		}
		slices.Sort(e.summary.Keys)
		if expected && len(e.records) > 0 && e.summary.Signed == 0 && !slices.ContainsFunc(e.records, func(r *record) bool { return r.KeyID != "" }) {
			v.find(Finding{Kind: KindUnsigned, Cluster: log.cluster, Node: log.node, Epoch: e.name, From: e.summary.First, To: e.summary.Last,
				Detail: "no record of this epoch is signed: anybody may have written it"})
		}
	}
}

// check says what is wrong with a record's signature, and takes the key of a
// key record.
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

// take checks a key record and takes its key where somebody vouches for it: it
// was given, a known key has signed for it, or it is the very first.
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

// extend reports a record, as one with those before it that have the same
// fault.
func (v *verification) extend(t *trust, r *record, kind Kind, detail string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	from, to := r.span()
	if t.run != nil && t.run.Kind == kind && t.run.Detail == detail {
		for i := range v.report.Findings {
			f := &v.report.Findings[i]
			if f.Kind == kind && f.Epoch == r.Epoch && f.Seq == t.run.Seq && f.Cluster == r.Cluster && f.Node == r.Node {
				f.Last, f.Object, f.File, f.Lines = max(f.Seq, f.Last, r.Seq), "", "", nil
				f.To = to
			}
		}
		return
	}
	f := r.finding(kind, detail)
	f.Object, f.From, f.To = r.key, from, to
	t.run = &f
	v.report.Findings = append(v.report.Findings, f)
}
