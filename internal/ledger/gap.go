package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
)

// Gap is a break in the log that was found and that the archive's chain of
// records does not have yet.
type Gap struct {
	// ID numbers the gaps of a ledger.
	ID int64 `json:"id"`
	// Seq is its number in the chain; 0 before it has one.
	Seq int64 `json:"seq,omitempty"`
	// Reason is one of the reasons of package continuity.
	Reason continuity.Reason `json:"reason"`
	// File is the name of the file it is in or after; empty where it stands for several.
	File string `json:"file,omitempty"`
	// From and To are the times between which bytes are missing.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Bytes is how many are missing, estimated; -1 where nothing can be said.
	Bytes int64 `json:"bytes"`
	// Detail says it in words.
	Detail string `json:"detail,omitempty"`
}

// maxGaps bounds the gaps that wait for the archive. Further gaps are
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
			e, err := t.entry(id, "change")
			if err == nil {
				err = edit(e)
			}
			if err != nil {
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
		last.File, last.To = "", gap.To
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

// DropGap forgets a gap that has no number, because the archive has its bytes,
// together with the change of the entry that it was found by; id is empty where no
// entry is to be changed. [ErrStale] when there is no such gap.
func (l *Ledger) DropGap(gap int64, id string, edit func(*Entry)) error {
	return l.change(func(t *table) error {
		listed := len(t.Gaps)
		t.Gaps = slices.DeleteFunc(t.Gaps, func(g Gap) bool { return g.ID == gap && g.Seq == 0 })
		if len(t.Gaps) == listed {
			return fmt.Errorf("drop gap %d: %w", gap, ErrStale)
		}
		if i := t.index(id); i >= 0 {
			edit(t.edit(i))
		}
		return nil
	})
}

// TakeGap gives a gap its number in the chain, once.
func (l *Ledger) TakeGap(id int64) (seq int64, err error) {
	err = l.change(func(t *table) error {
		i := slices.IndexFunc(t.Gaps, func(g Gap) bool { return g.ID == id })
		if i < 0 {
			return fmt.Errorf("number gap %d: %w", id, ErrUnknown)
		}
		if t.Gaps[i].Seq == 0 {
			t.Gaps[i].Seq = t.take()
		}
		seq = t.Gaps[i].Seq
		return nil
	})
	return seq, err
}

// Confirm notes that the archive has the record head: the gap or notice of that
// number is forgotten, and a converted segment of that number is stored. A record
// of an earlier epoch is the head and nothing else.
func (l *Ledger) Confirm(head Head) error {
	return l.change(func(t *table) error {
		t.Head = head
		if head.Epoch != t.Epoch {
			return nil
		}
		t.Gaps = slices.DeleteFunc(t.Gaps, func(g Gap) bool { return g.Seq == head.Seq })
		t.Notices = slices.DeleteFunc(t.Notices, func(n Notice) bool { return n.Seq == head.Seq })
		for i := range t.Entries {
			if e := &t.Entries[i]; e.Seq == head.Seq && e.State == Converted {
				t.edit(i).State = Stored
			}
		}
		return nil
	})
}

// Chain is the ledger's knowledge of the epoch and its chain of records.
type Chain struct {
	// Epoch names this life of the state directory: its UTC creation time as
	// 20060102T150405 and six random hex digits.
	Epoch string
	// Began is the time in it; zero if it has none.
	Began time.Time
	// NextSeq is the next number that the epoch gives.
	NextSeq int64
	// Head is the last record that the archive has confirmed, of this epoch or the
	// one before. Joined says that the epoch knows the tree that it continues.
	Head   Head
	Joined bool
	// Begins says why the epoch began.
	Begins Begins
	// Fresh says that the epoch has just begun and that the archive was not asked
	// yet for earlier ones; First that, besides, nothing in the state
	// directory was of an earlier one.
	Fresh, First bool
	// Lost is the gap that Open recorded because an earlier ledger is lost; nil if
	// none is.
	Lost *Gap
	// Heartbeat is the time of the last heartbeat, or else Began.
	Heartbeat time.Time
	// Key is the key, a vkey, that the tree is signed with; empty if none was noted.
	// Replaced are those before it.
	Key      string
	Replaced []string
	// Setup is of the last record of the settings; zero if the epoch has none.
	Setup Setup
}

// Chain returns the state of the epoch and its chain.
func (l *Ledger) Chain() Chain {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.table
	c := Chain{
		Epoch: t.Epoch, NextSeq: t.NextSeq, Head: t.Head, Fresh: t.Fresh, First: t.Fresh && t.First,
		Lost: l.lost, Heartbeat: t.Beat, Key: t.Key, Replaced: t.Replaced, Joined: t.Joined, Begins: t.Begins, Setup: t.Setup,
	}
	if len(c.Epoch) >= len(epochLayout) {
		c.Began, _ = time.Parse(epochLayout, c.Epoch[:len(epochLayout)])
	}
	if c.Heartbeat.IsZero() {
		c.Heartbeat = c.Began
	}
	return c
}

// Head is the last record of the node's tree that the archive has confirmed. Its
// fields are those of manifest.Head.
type Head struct {
	// Tree is the number of the tree, Number that of the record in it; 0 before the first.
	Tree   int   `json:"tree"`
	Number int64 `json:"number"`
	// Root of the tree that ends with the record, lower-case hex.
	Root string `json:"root"`
	// Epoch and Seq name the record, Time is when it was sealed.
	Epoch string    `json:"epoch"`
	Seq   int64     `json:"seq"`
	Time  time.Time `json:"time"`
}

// Begins says why an epoch began.
type Begins struct {
	Reason BeginReason `json:"reason"`
	// Detail is for people.
	Detail string `json:"detail,omitempty"`
}

// BeginReason is one of the reasons of package manifest.
type BeginReason string

// The reasons of epochs.
const (
	BeginNew        BeginReason = "new"
	BeginStateLost  BeginReason = "state_lost"
	BeginOwner      BeginReason = "owner"
	BeginRolledBack BeginReason = "rolled_back"
)

// Join notes the tree that the epoch continues, by its last record, the key that it is
// signed with, and the reason of the epoch, with the archive's answer.
func (f *file) Join(head Head, key string, begins Begins) error {
	return f.change(func(t *table) error {
		t.Joined, t.Head, t.Key, t.Begins = true, head, key, begins
		return nil
	})
}

// Reconciled notes that the archive was searched for earlier epochs, and the gap of an earlier epoch whose state is
// lost; nil if there is no such gap.
func (l *Ledger) Reconciled(lost *Gap) error {
	return l.change(func(t *table) error {
		t.Fresh, t.First = false, false
		if lost != nil {
			t.addGap(*lost)
		}
		return nil
	})
}

// NewEpoch begins a new epoch in place of one that cannot continue, with the gap
// that says so.
func (l *Ledger) NewEpoch(now time.Time, why BeginReason, lost Gap) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.begin(l.table.Owner, now, why, &lost)
}

// StateLost is the gap of an epoch that cannot continue. Its knowledge beyond the files
// and the archive is lost.
func StateLost(why string, now time.Time) *Gap {
	return &Gap{Reason: continuity.ReasonStateLost, To: now.UTC(), Bytes: -1, Detail: why + "; a new epoch begins, and the old one's knowledge beyond the archive is lost"}
}
