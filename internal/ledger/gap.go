package ledger

import (
	"fmt"
	"slices"
	"time"
)

// Gap is a break in the log that was found and that the archive's chain of
// records does not have yet.
type Gap struct {
	// ID numbers the gaps of a ledger.
	ID int64 `json:"id"`
	// Seq is its number in the chain; 0 before it has one.
	Seq int64 `json:"seq,omitempty"`
	// Reason is one of the reasons of package manifest.
	Reason string `json:"reason"`
	// File is the name of the file it is in or after.
	File string `json:"file,omitempty"`
	// From and To are the times between which bytes are missing.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Bytes is how many are missing, estimated; -1 where nothing can be said.
	Bytes int64 `json:"bytes"`
	// Detail says it in words.
	Detail string `json:"detail,omitempty"`
}

// maxGaps bounds the gaps that wait for the archive. What is found beyond is
// added to the last one, so that it is counted all the same.
const maxGaps = 1000

// Gaps returns the gaps that the archive does not have yet, oldest first.
func (l *Ledger) Gaps() []Gap {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.table.Gaps)
}

// AddGap records a gap, together with the change of the entry that it is
// found by: either both are on disk or none is. id is empty where no entry is
// to be changed; an error of edit changes nothing. A gap that takes the place
// of a segment's record comes with that segment's number.
func (l *Ledger) AddGap(gap Gap, id string, edit func(*Entry) error) error {
	return l.change(func(t *table) error {
		if id != "" {
			i := t.index(id)
			if i < 0 {
				return fmt.Errorf("change %s in the ledger: %w", id, ErrUnknown)
			}
			if err := edit(t.edit(i)); err != nil {
				return err
			}
		}
		t.addGap(gap)
		return nil
	})
}

func (t *table) addGap(gap Gap) {
	if n := len(t.Gaps); n >= maxGaps && t.Gaps[n-1].Seq == 0 && gap.Seq == 0 {
		last := &t.Gaps[n-1]
		last.To = gap.To
		last.Bytes = addBytes(last.Bytes, gap.Bytes)
		last.Detail = "and more that followed, too many to list"
		return
	}
	t.LastGap++
	gap.ID = t.LastGap
	t.Gaps = append(t.Gaps, gap)
}

func addBytes(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// TakeGap gives a gap its number in the chain, once.
func (l *Ledger) TakeGap(id int64) (seq int64, err error) {
	err = l.change(func(t *table) error {
		i := slices.IndexFunc(t.Gaps, func(g Gap) bool { return g.ID == id })
		if i < 0 {
			return fmt.Errorf("number gap %d: %w", id, ErrUnknown)
		}
		if t.Gaps[i].Seq == 0 {
			t.Gaps[i].Seq = t.NextSeq
			t.NextSeq++
		}
		seq = t.Gaps[i].Seq
		return nil
	})
	return seq, err
}

// Confirm notes that the archive has the record head: the gap or notice of that
// number is forgotten, and a converted segment of that number is stored.
func (l *Ledger) Confirm(head Head) error {
	return l.change(func(t *table) error {
		t.Gaps = slices.DeleteFunc(t.Gaps, func(g Gap) bool { return g.Seq == head.Seq })
		t.Notices = slices.DeleteFunc(t.Notices, func(n Notice) bool { return n.Seq == head.Seq })
		for i := range t.Entries {
			if e := &t.Entries[i]; e.Seq == head.Seq && e.State == Converted {
				t.edit(i).State = Stored
			}
		}
		t.Head = head
		return nil
	})
}

// Head is the last record of the chain that the archive has confirmed.
type Head struct {
	// Seq is its number; 0 before the first record.
	Seq int64 `json:"seq"`
	// SHA256 of its bytes, lower-case hex.
	SHA256 string `json:"sha256"`
}

// Head returns the last confirmed record of the chain.
func (l *Ledger) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Head
}

// Fresh says that this epoch has just begun and nobody has looked yet what
// the archive has of earlier ones.
func (l *Ledger) Fresh() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Fresh
}

// First says that this epoch has just begun, and nothing in the state directory was
// of an earlier one.
func (l *Ledger) First() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Fresh && l.table.First
}

// Reconciled notes that somebody has, and the gap of an earlier epoch whose state is
// lost; nil where there is none.
func (l *Ledger) Reconciled(lost *Gap) error {
	return l.change(func(t *table) error {
		t.Fresh, t.First = false, false
		if lost != nil {
			t.addGap(*lost)
		}
		return nil
	})
}

// NextSeq is the next number that this epoch gives.
func (l *Ledger) NextSeq() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.NextSeq
}

// NewEpoch begins a new epoch in the place of one that cannot go on, with the gap
// that says so.
func (l *Ledger) NewEpoch(now time.Time, lost Gap) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.begin(l.table.Owner, now, &lost)
}

// StateLost is the gap of an epoch that cannot go on. What it knew beyond the files
// and the archive is lost.
func StateLost(why string, now time.Time) *Gap {
	return &Gap{Reason: ReasonStateLost, To: now.UTC(), Bytes: -1, Detail: why + "; a new epoch begins, and what the old one knew beyond the archive is lost"}
}
