package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// FileName is the ledger's name in the state directory.
const FileName = "ledger.json"

// version is that of the state directory: of the ledger's form and of all files beside it.
const version = 1

// ErrNewer is returned by [CheckVersion] for the state of a newer program.
var ErrNewer = errors.New("the state was written by a newer auditsidecar")

// CheckVersion refuses a state directory with a later version than this program knows. It
// changes nothing. A file that is no ledger has no version: [Open] sets it aside.
func CheckVersion(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the ledger: %w", err)
	}
	var found struct{ Version int }
	if _ = json.Unmarshal(data, &found); found.Version > version {
		return fmt.Errorf("%w: %s has version %d, this program reads up to %d; run the newer version again (docs/upgrade.md has the way back)", ErrNewer, dir, found.Version, version)
	}
	return nil
}

// ErrStale is returned by [Ledger.Advance] when the segment is no longer in
// the state that the caller took it to be in.
var ErrStale = errors.New("the ledger entry has changed")

// ErrUnknown is returned when the ledger has no entry of that ID.
var ErrUnknown = errors.New("no such ledger entry")

// Ledger is the durable table of segments. It is safe for use by several
// goroutines; each change is on disk when the call returns.
type Ledger struct {
	file
	lost *Gap // the gap that Open recorded
}

// file is the table on disk and in memory.
type file struct {
	fs   durable.FS
	path string

	mu    sync.Mutex
	table table             // the content of the file
	lines map[string][]byte // its entries as they are there, by ID
}

// table is the file's form: one change keeps its fields consistent.
type table struct {
	Version int     `json:"version"`
	Epoch   string  `json:"epoch"`
	Owner   string  `json:"owner,omitempty"`
	NextSeq int64   `json:"nextSeq"`
	Fresh   bool    `json:"fresh,omitempty"`
	First   bool    `json:"first,omitempty"` // nothing on this disk is of an earlier epoch
	Begins  Begins  `json:"begins"`
	Joined  bool    `json:"joined,omitempty"` // the epoch knows the tree that it continues
	Head    Head    `json:"head"`
	Entries []Entry `json:"segments,omitempty"`
	Gaps    []Gap   `json:"gaps,omitempty"`
	LastGap int64   `json:"lastGap,omitempty"`
	// Of the epoch: notices that wait for the archive, the time of the last
	// heartbeat, the key that signs.
	Notices []Notice  `json:"notices,omitempty"`
	Beat    time.Time `json:"beat,omitzero"`
	Key     string    `json:"key,omitempty"`
	// Replaced are the keys before it.
	Replaced []string `json:"replaced,omitempty"`
	// Setup is of the last record of the settings.
	Setup Setup `json:"setup,omitzero"`

	changed map[string]bool // entries that are newer than the file
}

// Open reads the ledger of a state directory, or begins one. A file that is
// no ledger is set aside; its new name is in aside, for the log. A ledger that is
// lost like that, or missing beside other state, is the gap state_lost of the
// new epoch ([Chain].Lost). owner says
// whose log it is, and on which machine: a state directory that was copied to
// another machine, or is used for another cluster or node, begins a new epoch,
// so that two chains never share keys.
func Open(fsys durable.FS, dir, owner string, now time.Time) (l *Ledger, aside string, err error) {
	l = &Ledger{file: file{fs: fsys, path: filepath.Join(dir, FileName)}}
	data, err := os.ReadFile(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		trace, err := traceIn(dir)
		if err != nil {
			return nil, "", err
		}
		if trace == "" {
			l.table.First = true
			return l, "", l.begin(owner, now, BeginNew, nil)
		}
		l.lost = StateLost("the ledger is gone, while "+trace+" is there", now)
		return l, "", l.begin(owner, now, BeginStateLost, l.lost)
	case err != nil:
		return nil, "", fmt.Errorf("read the ledger: %w", err)
	}
	var ok bool
	if l.table, ok = decodeTable(data); !ok {
		if aside, err = fsys.SetAside(l.path, now); err != nil {
			return nil, "", fmt.Errorf("set the unreadable ledger aside: %w", err)
		}
		l.lost = StateLost("the ledger could not be read; it was set aside as "+filepath.Base(aside), now)
		return l, aside, l.begin(owner, now, BeginStateLost, l.lost)
	}
	if l.table.Owner != owner {
		return l, "", l.begin(owner, now, BeginOwner, nil)
	}
	return l, "", nil
}

// traceIn names something in a state directory that is made only after a ledger;
// empty where there is nothing.
func traceIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for earlier state: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if slices.Contains([]string{"held", "sealed", "leaves", "work", CursorName}, name) || strings.HasPrefix(name, FileName+".corrupt-") {
			return name, nil
		}
	}
	return "", nil
}

// decodeTable returns an empty table where data is no ledger of this version,
// whole and consistent: half a truth would be worse than none.
func decodeTable(data []byte) (t table, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return table{}, false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return table{}, false // something follows
	}
	if t.Version != version || t.Epoch == "" || t.NextSeq < 1 || !consistent(t.Entries) {
		return table{}, false
	}
	return t, true
}

// consistent says whether the IDs are in order, each there once, and every
// state is one that this version knows.
func consistent(entries []Entry) bool {
	states := []State{Held, Converted, Stored, Retired, Quarantined}
	last := ""
	for _, e := range entries {
		if e.ID <= last || !slices.Contains(states, e.State) {
			return false
		}
		last = e.ID
	}
	return true
}

// begin starts a new epoch. Entries that are there keep their place. A segment that is
// not retired must be converted again and takes a new number: objects carry
// the epoch, and the numbers of an epoch begin at 1. lost is the gap of an epoch
// that was lost; nil where none was. The head and the key of the same log stay, unless
// the archive knows better.
func (f *file) begin(owner string, now time.Time, why BeginReason, lost *Gap) error {
	entries := cloneEntries(f.table.Entries)
	for i := range entries {
		e := &entries[i]
		if e.State == Retired {
			continue
		}
		if e.State != Quarantined {
			e.State = Held
		}
		e.Seen = e.Least()
		e.Seq, e.Origin, e.Source, e.Objects, e.Open = 0, nil, nil, nil, nil
	}
	gaps := slices.Clone(f.table.Gaps)
	for i := range gaps {
		gaps[i].Seq = 0
	}
	t := table{
		Version: version, Epoch: newEpoch(now), Owner: owner, NextSeq: 1, Fresh: true, First: f.table.First && lost == nil,
		Entries: entries, Gaps: gaps, LastGap: f.table.LastGap, Begins: Begins{Reason: why},
	}
	if lost != nil {
		t.addGap(*lost)
		t.Begins.Detail = lost.Detail
	}
	if sameLog(f.table.Owner, owner) {
		t.Head, t.Key, t.Replaced = f.table.Head, f.table.Key, f.table.Replaced
	}
	if why == BeginRolledBack { // its knowledge is older than the archive
		t.Head, t.Key = Head{Tree: t.Head.Tree}, ""
	}
	f.lines = nil
	return f.save(t)
}

// sameLog says whether two owners, machine/cluster/node and the other parts, are of
// one cluster and node.
func sameLog(a, b string) bool {
	log := func(owner string) []string {
		parts := strings.Split(owner, "/")
		return parts[min(1, len(parts)):min(3, len(parts))]
	}
	return slices.Equal(log(a), log(b))
}

// epochLayout is the time in an epoch's name.
const epochLayout = "20060102T150405"

// newEpoch is the creation time with six random hex digits, so that epochs
// sort and two machines that start in one second differ.
func newEpoch(now time.Time) string {
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return now.UTC().Format(epochLayout) + hex.EncodeToString(random[:])
}

// Entries returns a copy of all entries, in the order of rotation.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cloneEntries(l.table.Entries)
}

// Get returns a copy of one entry.
func (l *Ledger) Get(id string) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.table.index(id); i >= 0 {
		return l.table.Entries[i].clone(), true
	}
	return Entry{}, false
}

// Add puts new entries into the table, in the order of their IDs. An ID that
// is there already is an error.
func (l *Ledger) Add(entries ...Entry) error {
	return l.change(func(t *table) error {
		for _, e := range entries {
			if t.index(e.ID) >= 0 {
				return fmt.Errorf("add %s to the ledger: it is there already", e.ID)
			}
			t.Entries = append(t.Entries, e.clone())
			t.changed[e.ID] = true
		}
		slices.SortFunc(t.Entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
		return nil
	})
}

// Advance changes an entry that must be in the state from; [ErrStale] when it
// is not. edit may set any field, the state among them.
func (l *Ledger) Advance(id string, from State, edit func(*Entry)) error {
	return l.changeEntry(id, func(e *Entry) error {
		if e.State != from {
			return fmt.Errorf("%s is %s, not %s: %w", id, e.State, from, ErrStale)
		}
		edit(e)
		return nil
	})
}

// Edit changes the parts that do not depend on the state of an entry: its name,
// whether it is finished, Loki's claim.
func (l *Ledger) Edit(id string, edit func(*Entry)) error {
	return l.changeEntry(id, func(e *Entry) error { edit(e); return nil })
}

// Take gives an entry its number in the chain, once: a segment that has one
// keeps it, so that work repeated after a crash makes the same objects.
func (l *Ledger) Take(id string) (seq int64, err error) {
	if e, ok := l.Get(id); ok && e.Seq != 0 {
		return e.Seq, nil // on disk already
	}
	err = l.change(func(t *table) error {
		e, err := t.entry(id, "number")
		if err != nil {
			return err
		}
		if e.Seq == 0 {
			e.Seq = t.take()
		}
		seq = e.Seq
		return nil
	})
	return seq, err
}

// take gives the next number of the chain.
func (t *table) take() int64 {
	t.NextSeq++
	return t.NextSeq - 1
}

// Forget removes entries without a claim.
func (l *Ledger) Forget(ids ...string) error {
	return l.change(func(t *table) error {
		t.Entries = slices.DeleteFunc(t.Entries, func(e Entry) bool {
			return !e.Owed() && slices.Contains(ids, e.ID)
		})
		return nil
	})
}

func (f *file) changeEntry(id string, edit func(*Entry) error) error {
	return f.change(func(t *table) error {
		e, err := t.entry(id, "change")
		if err != nil {
			return err
		}
		return edit(e)
	})
}

// change edits a copy and keeps it only when it is on disk, so that memory
// never says more than the file does.
func (f *file) change(edit func(*table) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.table
	next.Entries, next.Gaps = slices.Clone(next.Entries), slices.Clone(next.Gaps)
	next.Notices, next.changed = slices.Clone(next.Notices), map[string]bool{}
	if err := edit(&next); err != nil {
		return err
	}
	if !consistent(next.Entries) { // Open would set such a file aside
		return errors.New("change the ledger: an entry would have no ID, a second one or no known state")
	}
	return f.save(next)
}

// entry returns the entry of an ID, to be changed; do names the purpose.
func (t *table) entry(id, do string) (*Entry, error) {
	i := t.index(id)
	if i < 0 {
		return nil, fmt.Errorf("%s %s in the ledger: %w", do, id, ErrUnknown)
	}
	return t.edit(i), nil
}

// edit returns an entry to be changed: a copy that takes its place.
func (t *table) edit(i int) *Entry {
	t.Entries[i] = t.Entries[i].clone()
	t.changed[t.Entries[i].ID] = true
	return &t.Entries[i]
}

func (t *table) index(id string) int {
	return slices.IndexFunc(t.Entries, func(e Entry) bool { return e.ID == id })
}

func cloneEntries(entries []Entry) []Entry {
	out := slices.Clone(entries)
	for i := range out {
		out[i] = out[i].clone()
	}
	return out
}
