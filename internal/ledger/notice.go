package ledger

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Notice is the content of a record that is neither of a file nor of a gap: that
// the sidecar is at work, that a key takes over, or that settings changed. It waits for the archive
// to have the record.
type Notice struct {
	// Seq is its number in the chain.
	Seq int64 `json:"seq"`
	// Kind is one of the kinds of package manifest.
	Kind string `json:"kind"`
	// At is when it became true.
	At time.Time `json:"at"`
	// Body is the record's part of that kind.
	Body json.RawMessage `json:"body"`
}

// Reading is how far a segment was read while it was open. Whoever reads on
// sees at its end whether the bytes read have changed.
type Reading struct {
	// Size counts the bytes from the beginning.
	Size int64 `json:"size"`
	// Lines counts the newlines in them.
	Lines int64 `json:"lines"`
	// SHA256 of the bytes, lower-case hex.
	SHA256 string `json:"sha256"`
	// State is that of the hash (crypto/sha256's own encoding), to resume with.
	State []byte `json:"state"`
}

// Notices returns the notices that the archive does not have yet, by number.
func (l *Ledger) Notices() []Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.table.Notices)
}

// Heartbeat gives a notice its number, notes that it is the last heartbeat,
// and notes how far the segment id was read on from a reading; id is empty
// where none was. [ErrStale] when the segment is no longer known to be read so
// far: it was cut meanwhile.
func (l *Ledger) Heartbeat(n Notice, id string, from, read *Reading) error {
	return l.change(func(t *table) error {
		switch i := t.index(id); {
		case id == "":
		case i < 0:
			return fmt.Errorf("note the bytes read of %s: %w", id, ErrUnknown)
		case !t.Entries[i].Read.same(from):
			return fmt.Errorf("note the bytes read of %s: %w", id, ErrStale)
		default:
			t.edit(i).Read = copied(read)
		}
		t.notice(n)
		t.Beat = n.At
		return nil
	})
}

func (r *Reading) same(other *Reading) bool {
	if r == nil || other == nil {
		return r == other
	}
	return r.Size == other.Size && r.SHA256 == other.SHA256
}

// Setup is the ledger's knowledge of a record of the settings.
type Setup struct {
	// SHA256 of them, lower-case hex, and Server, kube-apiserver's version among them.
	SHA256 string `json:"sha256"`
	Server string `json:"server,omitempty"`
}

// Decision is the subject of a notice, beside a heartbeat.
type Decision struct {
	// Key signs from now on, in place of the one before; empty: no change.
	Key string
	// Setup are the settings from now on; zero: no change.
	Setup Setup
}

// Decide gives a notice its number and notes its decision.
func (l *Ledger) Decide(n Notice, d Decision) error {
	return l.change(func(t *table) error {
		t.notice(n)
		if d.Key != "" && t.Key != "" {
			t.Replaced = append(slices.Clone(t.Replaced), t.Key)
		}
		t.Key, t.Setup = cmp.Or(d.Key, t.Key), cmp.Or(d.Setup, t.Setup)
		return nil
	})
}

func (t *table) notice(n Notice) {
	n.Seq = t.take()
	t.Notices = append(t.Notices, n)
}
