package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// The chain's names in the state directory.
const (
	// SealedDir has the sealed records that the archive does not have yet.
	SealedDir = "sealed"
	// LeavesName has the leaf hashes of the records that it has: 32 bytes each.
	LeavesName = "leaves"
)

// Sealed is a record on disk that the archive does not have yet, as far as the
// chain knows.
type Sealed struct {
	// Path of the file.
	Path string
	// Head is the checkpoint that the record ends.
	Head
	// Leaf is the hash of the record's leaf.
	Leaf Hash
	// SHA256 of the file, lower-case hex.
	SHA256 string
	// Size of the file in bytes.
	Size int64
}

// folder is the state directory of a chain.
type folder struct {
	fs  durable.FS
	dir string
}

// Chain seals the records of one node into its tree and keeps those that are not
// stored yet. It is safe for use by several goroutines.
type Chain struct {
	folder

	mu       sync.Mutex
	id       Identity
	begins   Begins      // of the epoch
	key      *SigningKey // nil: records are not signed
	stored   Head        // the last record that the archive has
	joined   bool        // the tree up to stored is known
	base     Tree        // up to stored
	tip      Tree        // with the sealed records
	sealed   []Sealed    // by number, from stored on
	leftover []Leftover
	unfit    []string // sealed files that are no records
	// suspect: a call failed after it may have changed the directory, which is
	// read again before anything is added.
	suspect bool
}

// Open reads the sealed records and the leaves in the state directory dir. stored is
// the head in the ledger, the zero Head if it has none, begins the reason of the
// epoch. Without a head, or if the leaves are not those of the head, the chain is not
// [Chain.Joined]; else the sealed records must continue it, or the error is a
// [*BrokenError] (package documentation). Temporary files of interrupted calls are
// removed.
func Open(fsys durable.FS, dir string, id Identity, begins Begins, stored Head) (*Chain, error) {
	c := &Chain{folder: folder{fsys, dir}, begins: begins, stored: stored}
	if err := c.restart(id); err != nil {
		return nil, fmt.Errorf("open the chain of records: %w", err)
	}
	return c, nil
}

// Restart begins another epoch, which joins the tree again. The caller has set the
// sealed records aside.
func (c *Chain) Restart(epoch string, begins Begins) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.id
	id.Epoch, c.begins, c.stored = epoch, begins, Head{}
	return c.restart(id)
}

func (c *Chain) restart(id Identity) error {
	if err := id.check(); err != nil {
		return err
	}
	id.MachineID = text(id.MachineID) // as the records have it
	c.id = id
	if err := c.fs.MkdirPrivate(c.Dir()); err != nil {
		return err
	}
	if err := c.fs.RemoveTemps(c.Dir()); err != nil {
		return err
	}
	c.joined = false
	if c.stored.Tree > 0 {
		var err error
		if c.base, c.joined, err = c.kept(c.stored); err != nil {
			return err
		}
	}
	return c.load()
}

// Dir is the directory of the sealed records.
func (f folder) Dir() string { return filepath.Join(f.dir, SealedDir) }

// Joined says whether the chain knows the tree that its records continue.
func (c *Chain) Joined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined
}

// SignWith has the records sealed from now on signed with a key; nil ends it.
// Whoever changes the key of a chain seals a [KindKey] next.
func (c *Chain) SignWith(key *SigningKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = key
}

// ErrNotJoined is returned by [Chain.Seal] before the chain has joined the tree.
var ErrNotJoined = errors.New("the tree that this record continues is not known yet")

// Seal makes a record durable as the next one of the tree. The caller fills in
// Kind, Seq, Time and the content. If the seq is sealed already with the
// same content (apart from Time), that record is the answer and nothing is
// written; with other content it is [ErrConflict]. Other errors are
// [ErrInvalid], [ErrRemoved], [ErrNotJoined], [*BrokenError] if another program changed
// the directory, and those of package durable: the call may be repeated.
func (c *Chain) Seal(r Record) (Sealed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.suspect {
		if err := c.load(); err != nil {
			return Sealed{}, err
		}
		c.suspect = false
	}
	r.Version, r.Identity = Version, c.id
	if i := slices.IndexFunc(c.sealed, func(s Sealed) bool { return s.Epoch == r.Epoch && s.Seq == r.Seq }); i >= 0 {
		return c.repeat(c.sealed[i], r)
	}
	switch last := c.head(); {
	case !c.joined:
		return Sealed{}, fmt.Errorf("seal record %d: %w", r.Seq, ErrNotJoined)
	case r.Seq == last.Seq && r.Epoch == last.Epoch:
		return Sealed{}, fmt.Errorf("seal record %d: %w", r.Seq, ErrRemoved)
	}
	data, e, err := c.encode(r)
	if err != nil {
		return Sealed{}, err
	}
	s := c.sealedAs(e, data)
	err = c.fs.Publish(s.Path, 0o600, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		c.suspect = true
		return Sealed{}, fmt.Errorf("seal record %d: %w", r.Seq, err)
	}
	c.sealed, c.tip = append(c.sealed, s), c.tip.With(s.Leaf)
	return s, nil
}

// sealedAs describes a record in its file.
func (f folder) sealedAs(e Entry, data []byte) Sealed {
	head := e.Head()
	return Sealed{Path: filepath.Join(f.Dir(), fileName(head)), Head: head, Leaf: e.Leaf, SHA256: Sum(data), Size: int64(len(data))}
}

// Head is the tree that ends with a record.
func (e *Entry) Head() Head {
	return Head{Tree: e.Point.Tree, Number: e.Number, Root: e.Point.Root.String(), Epoch: e.Epoch, Seq: e.Seq, Time: e.Time}
}

// encode makes a record the next one of the tree.
func (c *Chain) encode(r Record) ([]byte, Entry, error) {
	last := c.head()
	r.Number, r.Checkpoint, r.Begins = c.tip.Size()+1, "", nil
	r.ClockStepped = r.Time.Before(last.Time.Add(-ClockTolerance))
	if last.Epoch != c.id.Epoch {
		r.Begins = &c.begins
	}
	if err := r.check(); err != nil {
		return nil, Entry{}, fmt.Errorf("encode record %d: %w", r.Seq, err)
	}
	r, err := r.normal()
	if err != nil {
		return nil, Entry{}, err
	}
	leaf, err := encode(r)
	if err != nil {
		return nil, Entry{}, err
	}
	root := c.tip.With(leafOf(leaf)).Root()
	if r.Checkpoint, err = newCheckpoint(Origin(c.id.Cluster, c.id.Node, c.stored.Tree), r.Number, root, c.key); err != nil {
		return nil, Entry{}, err
	}
	data, err := encode(r)
	if err != nil {
		return nil, Entry{}, err
	}
	e := Read(data)
	return data, e, e.Err
}

// repeat answers a second call for a seq that is sealed.
func (c *Chain) repeat(s Sealed, r Record) (Sealed, error) {
	have, err := c.read(s)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal record %d again: %w", s.Seq, err)
	}
	old, err := Decode(have)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal record %d again: %w", s.Seq, err)
	}
	r.Number, r.Time, r.ClockStepped, r.Begins, r.Checkpoint = old.Number, old.Time, old.ClockStepped, old.Begins, old.Checkpoint
	want, err := Encode(r)
	if err != nil {
		return Sealed{}, err
	}
	if !bytes.Equal(have, want) {
		return Sealed{}, fmt.Errorf("seal record %d again: %w", s.Seq, ErrConflict)
	}
	return s, nil
}

// Sealed returns the records that are there, by number.
func (c *Chain) Sealed() []Sealed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sealed)
}

// Keep makes the leaf of the oldest sealed record durable, after the archive has
// confirmed it. The caller then writes the head into the ledger, and then comes
// [Chain.Remove].
func (c *Chain) Keep(s Sealed) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Number <= c.base.Size() {
		return nil // before the ledger's head at the start
	}
	if err := oldest(c.sealed, s); err != nil {
		return fmt.Errorf("keep the leaf of record %d: %w", s.Number, err)
	}
	if err := c.fs.AppendAt(c.leavesPath(), c.base.Size()*int64(len(s.Leaf)), s.Leaf[:]); err != nil {
		return fmt.Errorf("keep the leaf of record %d: %w", s.Number, err)
	}
	c.base, c.stored = c.base.With(s.Leaf), s.Head
	return nil
}

// Remove deletes the oldest record, after [Chain.Keep] and after the
// ledger has written down its head. The errors are [ErrOrder] for any record but the
// oldest, [ErrUnknown] for one that is not there, and those of package durable: the
// call may be repeated as long as Sealed lists the record.
func (c *Chain) Remove(s Sealed) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := oldest(c.sealed, s); err != nil {
		return fmt.Errorf("remove record %d: %w", s.Number, err)
	}
	if s.Number > c.base.Size() {
		return fmt.Errorf("remove record %d: its leaf is not kept: %w", s.Number, ErrOrder)
	}
	err := c.fs.Remove(s.Path)
	if err != nil {
		err = fmt.Errorf("remove record %d: %w", s.Number, err)
		// Where only the fsync failed the file is gone, or comes back after a
		// power failure: then Open lists it and the ledger knows it as stored.
		if _, serr := os.Lstat(s.Path); !errors.Is(serr, fs.ErrNotExist) {
			return err
		}
	}
	c.sealed = slices.Delete(c.sealed, 0, 1)
	return err
}

// oldest says whether a record is the oldest sealed one.
func oldest(sealed []Sealed, s Sealed) error {
	switch i := slices.Index(sealed, s); {
	case i < 0:
		return ErrUnknown
	case i > 0:
		return ErrOrder
	}
	return nil
}

// head returns the last sealed record, whether it was removed since or not.
func (c *Chain) head() Head {
	if n := len(c.sealed); n > 0 && c.sealed[n-1].Number > c.stored.Number {
		return c.sealed[n-1].Head
	}
	return c.stored
}

// Other says whether a record from the archive is not the one that this chain has, or
// could have, under its number, and was made with this tree and, where there is one,
// this key: then the state of this node is older than the archive.
func (c *Chain) Other(e Entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.joined || e.Err != nil || e.Point.Tree != c.stored.Tree || e.Cluster != c.id.Cluster || e.Node != c.id.Node {
		return false
	}
	before := c.base
	for _, s := range c.sealed {
		if s.Number == e.Number && s.Leaf == e.Leaf {
			return false
		}
		if s.Number > before.Size() && s.Number < e.Number {
			before = before.With(s.Leaf)
		}
	}
	return before.Size() == e.Number-1 && before.With(e.Leaf).Root() == e.Point.Root && c.key.made(&e)
}

// read returns the bytes of a sealed record, which must be those of its hash.
func (f folder) read(s Sealed) ([]byte, error) {
	data, err := readFile(s.Path)
	if err != nil && !errors.Is(err, ErrInvalid) {
		return nil, err
	}
	if err != nil || Sum(data) != s.SHA256 {
		return nil, f.broken("%s differs from the sealed one: the disk or a user changed it", filepath.Base(s.Path))
	}
	return data, nil
}
