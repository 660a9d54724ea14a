package manifest

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// check says whether every field is in its range.
func (r *Record) check() error {
	if err := r.Identity.check(); err != nil {
		return err
	}
	switch {
	case r.Version != Version:
		return invalid("version %d", r.Version)
	case !slices.Contains(knownKinds, r.Kind):
		return invalid("kind %q", r.Kind)
	case r.Seq < 1:
		return invalid("sequence number %d is less than 1", r.Seq)
	case r.Number < 1:
		return invalid("number %d is less than 1", r.Number)
	case r.Time.IsZero():
		return invalid("the time is missing")
	case r.Begins != nil && !slices.Contains(beginReasons, r.Begins.Reason):
		return invalid("an epoch that began for %q", r.Begins.Reason)
	}
	return cmp.Or(r.checkKind(), r.checkParts())
}

// checkKind says whether the parts are those of the kind.
func (r *Record) checkKind() error {
	file := r.Source != nil || r.Content != nil || r.Redaction != "" || len(r.Objects)+len(r.Counts.Levels)+len(r.Counts.Stages) > 0
	switch {
	case r.Kind == KindFile && r.Source == nil:
		return invalid("a file record without source")
	case r.Kind != KindFile && file:
		return invalid("a %s record with source, counts or objects", r.Kind)
	case r.Kind == KindGap && len(r.Gaps) == 0:
		return invalid("a gap record without gaps")
	case r.Kind != KindGap && r.Kind != KindFile && len(r.Gaps) > 0:
		return invalid("a %s record with gaps", r.Kind)
	case (r.Kind == KindHeartbeat) != (r.Heartbeat != nil):
		return invalid("a %s record and heartbeat do not belong together", r.Kind)
	case (r.Kind == KindKey) != (r.Key != nil):
		return invalid("a %s record and key do not belong together", r.Kind)
	case (r.Kind == KindSetup) != (r.Setup != nil):
		return invalid("a %s record and setup do not belong together", r.Kind)
	}
	return nil
}

func (r *Record) checkParts() error {
	if err := cmp.Or(r.checkSource(), r.Heartbeat.check(), r.Key.check(), r.Setup.check()); err != nil {
		return err
	}
	for _, o := range r.Objects {
		if o.Key == "" || o.Size < 0 || o.Rows < 0 || !validSum.MatchString(o.SHA256) {
			return invalid("object %q: size %d, rows %d, SHA-256 %q", o.Key, o.Size, o.Rows, o.SHA256)
		}
	}
	for _, g := range r.Gaps {
		if g.Bytes < -1 || !validReason.MatchString(string(g.Reason)) {
			return invalid("gap: reason %q, bytes %d", g.Reason, g.Bytes)
		}
	}
	for _, counts := range []map[string]int64{r.Counts.Levels, r.Counts.Stages} {
		for key, n := range counts {
			if n < 0 {
				return invalid("count of %q: %d", key, n)
			}
		}
	}
	return nil
}

func (r *Record) checkSource() error {
	s, c := r.Source, r.Content
	switch {
	case s == nil:
		return nil
	case s.Size < 0 || s.Lines < 0:
		return invalid("source: size %d, lines %d", s.Size, s.Lines)
	case !oneSum(s.SHA256, s.HMAC) || !optionalSum(s.MerkleRoot):
		return invalid("source: SHA-256 %q, Merkle root %q, HMAC %q", s.SHA256, s.MerkleRoot, s.HMAC)
	case !optionalSum(r.Redaction):
		return invalid("redaction %q is no SHA-256", r.Redaction)
	case (c != nil) != (s.HMAC != "") || c != nil && (r.Redaction == "" || s.MerkleRoot != ""):
		return invalid("content, HMAC and redaction do not belong together")
	case c != nil && (c.Size < 0 || c.Lines != s.Lines || !validSum.MatchString(c.SHA256) || !validSum.MatchString(c.MerkleRoot)):
		return invalid("content: size %d, lines %d of %d, SHA-256 %q, Merkle root %q", c.Size, c.Lines, s.Lines, c.SHA256, c.MerkleRoot)
	}
	return nil
}

func (h *Heartbeat) check() error {
	if h == nil {
		return nil
	}
	if h.Every < 1 || h.Waiting < 0 {
		return invalid("heartbeat: every %d s, %d waiting", h.Every, h.Waiting)
	}
	if o := h.Open; o != nil && (o.Seq < 0 || o.Size < 0 || o.Lines < 0 || o.Lines > o.Size || !oneSum(o.SHA256, o.HMAC)) {
		return invalid("open file: number %d, size %d, lines %d, SHA-256 %q, HMAC %q", o.Seq, o.Size, o.Lines, o.SHA256, o.HMAC)
	}
	if s := h.Server; s != nil && (s.Before < 0 || s.After < s.Before || s.Errors < 0) {
		return invalid("kube-apiserver's events %d to %d, errors %d", s.Before, s.After, s.Errors)
	}
	if i := h.Input; i != nil && (!slices.Contains(inputStates, i.State) || i.Events < 0) {
		return invalid("input %q, %d events", i.State, i.Events)
	}
	return nil
}

func (k *Key) check() error {
	if k == nil {
		return nil
	}
	if _, err := note.NewVerifier(k.Vkey); err != nil {
		return invalid("vkey %q: %v", k.Vkey, err)
	}
	if h := k.Handover; h != nil {
		_, err := note.NewVerifier(h.From)
		if signature, berr := base64.StdEncoding.DecodeString(h.Signature); err != nil || berr != nil || len(signature) != ed25519.SignatureSize {
			return invalid("handover by %q: %q", h.From, h.Signature)
		}
	}
	return nil
}

// oneSum says whether one is a SHA-256 and the other empty.
func oneSum(a, b string) bool { return (a == "") != (b == "") && validSum.MatchString(a+b) }

func optionalSum(s string) bool { return s == "" || validSum.MatchString(s) }
