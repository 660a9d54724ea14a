package manifest

import (
	"bytes"
	"crypto/ed25519"
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

// Head is the last record of a chain; zero before an epoch's first.
type Head struct {
	Seq    int64  `json:"seq"`
	SHA256 string `json:"sha256"`
}

// Sealed is a record on disk that the archive does not have yet, as far as the
// chain knows.
type Sealed struct {
	// Path of the file.
	Path string
	// Seq is the record's number.
	Seq int64
	// SHA256 of the file, lower-case hex.
	SHA256 string
	// Size of the file in bytes.
	Size int64
}

// Chain seals the records of one epoch and keeps those that are not stored
// yet. It is safe for use by several goroutines.
type Chain struct {
	fs  durable.FS
	dir string
	id  Identity

	mu       sync.Mutex
	key      ed25519.PrivateKey // nil: records are not signed
	head     Head
	sealed   []Sealed // in the order of the links
	leftover []Leftover
	// doubt: a call failed after it may have changed the directory, which is
	// read again before anything is linked to the head.
	suspect bool
}

// Open reads the sealed records in dir, which is made where it is missing, and
// takes the last of them as the head. head is the one of the ledger: the zero
// Head in a new epoch. It must be one of the records, or the one that the first
// of them follows; [*BrokenError] otherwise (package documentation). Temporary
// files of interrupted calls are removed.
func Open(fsys durable.FS, dir string, id Identity, head Head) (*Chain, error) {
	if err := id.check(); err != nil {
		return nil, fmt.Errorf("open the chain of records: %w", err)
	}
	if head != (Head{}) && (head.Seq < 1 || !validSum.MatchString(head.SHA256)) {
		return nil, fmt.Errorf("open the chain of records: head %d, SHA-256 %q: %w", head.Seq, head.SHA256, ErrInvalid)
	}
	id.MachineID = text(id.MachineID) // as the records have it
	if err := fsys.MkdirPrivate(dir); err != nil {
		return nil, fmt.Errorf("open the chain of records: %w", err)
	}
	if err := fsys.RemoveTemps(dir); err != nil {
		return nil, fmt.Errorf("open the chain of records: %w", err)
	}
	c := &Chain{fs: fsys, dir: dir, id: id, head: head}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// Restart begins the chain of a new epoch, without a record. The caller has set the
// directory aside: the records of the old epoch cannot be continued.
func (c *Chain) Restart(epoch string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fs.MkdirPrivate(c.dir); err != nil {
		return fmt.Errorf("begin a new chain of records: %w", err)
	}
	c.id.Epoch, c.head, c.sealed, c.leftover, c.suspect = epoch, Head{}, nil, nil, true
	return c.settle()
}

// Dir is the directory of the sealed records.
func (c *Chain) Dir() string { return c.dir }

// Made says whether a record is one of this chain: of its epoch, and with the
// signature of its key, where it has one.
func (c *Chain) Made(r Record) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Cluster != c.id.Cluster || r.Node != c.id.Node || r.Epoch != c.id.Epoch {
		return false
	}
	if c.key == nil {
		return true
	}
	public, ok := c.key.Public().(ed25519.PublicKey)
	return ok && r.Verify(public) == nil
}

// SignWith has the records sealed from now on signed with a key; nil ends it.
// Whoever changes the key of a chain seals a [KindKey] next.
func (c *Chain) SignWith(key ed25519.PrivateKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = key
}

// Seal makes a record durable as the chain's new head. The caller fills in
// Kind, Seq, Time and the content. If the number is sealed already with the
// same content (apart from Time), that record is the answer and nothing is
// written; with other content it is [ErrConflict]. Other errors are
// [ErrInvalid], [ErrRemoved], [*BrokenError] if another program changed the
// directory, and those of package durable: the call may be repeated.
func (c *Chain) Seal(r Record) (Sealed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.settle(); err != nil {
		return Sealed{}, err
	}
	r.Version, r.Identity, r.Previous = Version, c.id, c.head.SHA256
	if i := c.index(r.Seq); i >= 0 {
		return c.repeat(c.sealed[i], r)
	}
	if r.Seq == c.head.Seq && r.Seq != 0 {
		return Sealed{}, fmt.Errorf("seal record %d: %w", r.Seq, ErrRemoved)
	}
	data, err := c.encode(r)
	if err != nil {
		return Sealed{}, err
	}
	s := Sealed{Path: filepath.Join(c.dir, fileName(c.id.Epoch, r.Seq)), Seq: r.Seq, SHA256: Hash(data), Size: int64(len(data))}
	err = c.fs.Publish(s.Path, 0o600, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		c.suspect = true
		return Sealed{}, fmt.Errorf("seal record %d: %w", r.Seq, err)
	}
	c.sealed = append(c.sealed, s)
	c.head = Head{Seq: s.Seq, SHA256: s.SHA256}
	return s, nil
}

// encode signs a record, where there is a key, and encodes it.
func (c *Chain) encode(r Record) ([]byte, error) {
	r.KeyID, r.Signature = "", ""
	r, err := r.normal()
	if err == nil && c.key != nil {
		r, err = sign(r, c.key)
	}
	if err != nil {
		return nil, err
	}
	return Encode(r)
}

// repeat answers a second call for a number that is sealed.
func (c *Chain) repeat(s Sealed, r Record) (Sealed, error) {
	have, err := c.read(s)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal record %d again: %w", s.Seq, err)
	}
	old, err := Decode(have)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal record %d again: %w", s.Seq, err)
	}
	r.Previous, r.Time, r.KeyID, r.Signature = old.Previous, old.Time, old.KeyID, old.Signature
	want, err := Encode(r)
	if err != nil {
		return Sealed{}, err
	}
	if !bytes.Equal(have, want) {
		return Sealed{}, fmt.Errorf("seal record %d again: %w", s.Seq, ErrConflict)
	}
	return s, nil
}

// Sealed returns the records that are there, in the order of the links.
func (c *Chain) Sealed() []Sealed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sealed)
}

// Bytes returns the bytes of a sealed record, those that are sent to the
// archive. If they changed after they were sealed: [*BrokenError]. If there is
// no such record: [ErrUnknown].
func (c *Chain) Bytes(seq int64) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.index(seq)
	if i < 0 {
		return nil, fmt.Errorf("read record %d: %w", seq, ErrUnknown)
	}
	data, err := c.read(c.sealed[i])
	if err != nil {
		return nil, fmt.Errorf("read record %d: %w", seq, err)
	}
	return data, nil
}

// Remove deletes the oldest record, after the archive has confirmed it and the
// ledger has written down a head that is this record or a later one. The
// errors are [ErrOrder] for any record but the oldest, [ErrUnknown] for one
// that is not there, and those of package durable: the call may be repeated as
// long as Sealed lists the record.
func (c *Chain) Remove(seq int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch i := c.index(seq); {
	case i < 0:
		return fmt.Errorf("remove record %d: %w", seq, ErrUnknown)
	case i > 0:
		return fmt.Errorf("remove record %d before record %d: %w", seq, c.sealed[0].Seq, ErrOrder)
	}
	err := c.fs.Remove(c.sealed[0].Path)
	if err != nil {
		err = fmt.Errorf("remove record %d: %w", seq, err)
		// Where only the fsync failed the file is gone, or comes back after a
		// power failure: then Open lists it and the ledger knows it as stored.
		if _, serr := os.Lstat(c.sealed[0].Path); !errors.Is(serr, fs.ErrNotExist) {
			return err
		}
	}
	c.sealed = slices.Delete(c.sealed, 0, 1)
	return err
}

// Head returns the last sealed record, whether it was removed since or not.
func (c *Chain) Head() Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.head
}

// settle reads the directory again if memory may contradict it.
func (c *Chain) settle() error {
	if !c.suspect {
		return nil
	}
	if err := c.load(); err != nil {
		return err
	}
	c.suspect = false
	return nil
}

func (c *Chain) index(seq int64) int {
	return slices.IndexFunc(c.sealed, func(s Sealed) bool { return s.Seq == seq })
}

// read returns the bytes of a sealed record, which must be those of its hash.
func (c *Chain) read(s Sealed) ([]byte, error) {
	data, err := readFile(s.Path)
	if err != nil && !errors.Is(err, ErrInvalid) {
		return nil, err
	}
	if err != nil || Hash(data) != s.SHA256 {
		return nil, &BrokenError{Dir: c.dir, Findings: []Finding{{
			Kind: FindingChanged, Index: -1, Seq: s.Seq, SHA256: s.SHA256,
			Detail: filepath.Base(s.Path) + " is not what was sealed: the disk or somebody changed it",
		}}}
	}
	return data, nil
}
