package manifest

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Stored is what the archive has under the key of a record.
type Stored struct {
	// Number is the one in the key.
	Number int64
	Entry
}

func (f folder) leavesPath() string { return filepath.Join(f.dir, LeavesName) }

// leaves reads the first leaves on this disk, at most so many.
func (f folder) leaves(most int64) ([]Hash, error) {
	file, err := os.Open(f.leavesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the leaves: %w", err)
	}
	defer file.Close()
	var leaves []Hash
	for in := bufio.NewReader(file); int64(len(leaves)) < most; {
		var leaf Hash
		switch _, err := io.ReadFull(in, leaf[:]); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return leaves, nil
		case err != nil:
			return nil, fmt.Errorf("read the leaves: %w", err)
		}
		leaves = append(leaves, leaf)
	}
	return leaves, nil
}

// kept reads the leaves on this disk up to a head; ok says that they are its own.
func (f folder) kept(head Head) (leaves []Hash, tree Tree, ok bool, err error) {
	leaves, err = f.leaves(head.Number)
	tree = treeOfLeaves(leaves)
	return leaves, tree, err == nil && tree.Size() == head.Number && (head.Number == 0 || tree.Root().String() == head.Root), err
}

func treeOfLeaves(leaves []Hash) Tree {
	nodes := newNodes()
	for i := range leaves {
		_ = nodes.Append(leaves[i][:], nil) // as in With
	}
	return Tree{nodes}
}

// maxLeaves is more leaves than a node has.
const maxLeaves = 1 << 32

// Leaves returns how many leaves on this disk [Chain.Join] can begin with. With a head
// those are its own or none. Without, they are proven by the record of that number.
func (f folder) Leaves(head Head) (int64, error) {
	if head.Number == 0 {
		leaves, err := f.leaves(maxLeaves)
		return int64(len(leaves)), err
	}
	if _, _, ok, err := f.kept(head); !ok {
		return 0, err
	}
	return head.Number, nil
}

// KeptLeaves returns the leaves on this disk up to a head, whose they must be.
func (f folder) KeptLeaves(head Head) ([]Hash, error) {
	leaves, _, ok, err := f.kept(head)
	if err == nil && !ok {
		err = fmt.Errorf("the leaves on this disk are not those of record %d", head.Number)
	}
	return leaves, err
}

// joining is the state of one [Chain.Join].
type joining struct {
	tree   int
	leaves []Hash
	at     Tree
	head   Head
	trust  *Trust
	proven bool  // the leaves on this disk
	fault  error // of the last number that no record could be taken of
}

// Join has the chain continue a tree: from so many leaves on this disk (see
// [Chain.Leaves]), then with the records of the archive, in the order of their keys
// and of their copies, from the last of these leaves on. head is the last record that
// is known; the zero Head if none is. trust follows the signatures; nil: they do not
// count. [ErrNotContinued] if that does not make one tree up to the head at least.
// The sealed records that continue it stay; others of this tree are set aside.
func (c *Chain) Join(tree int, head Head, leaves int64, trust *Trust, records iter.Seq2[Stored, error]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, err := c.leaves(leaves)
	if err != nil {
		return err
	}
	j := joining{tree: tree, leaves: have, at: treeOfLeaves(have), head: head, trust: trust, proven: head.Number > 0 || leaves == 0}
	for r, err := range records {
		if err == nil {
			err = j.take(r)
		}
		if err != nil {
			return err
		}
	}
	archived := int64(len(j.leaves))
	switch {
	case !j.proven:
		return fmt.Errorf("%w: the archive has no record %d that proves the leaves on this disk", ErrNotContinued, leaves)
	case archived < head.Number:
		return fmt.Errorf("%w: the archive has no record %d%s", ErrNotContinued, archived+1, j.reason())
	}
	return c.join(&j)
}

// take adds a record of the archive. Of several copies the first that fits counts.
func (j *joining) take(r Stored) error {
	n := j.at.Size()
	switch {
	case r.Number == n && !j.proven:
		j.proven = r.Err == nil && r.Point.Tree == j.tree && r.Point.Root == j.at.Root() && r.Leaf == j.leaves[n-1] && j.trusted(&r.Entry)
		if j.proven {
			j.head = r.Head()
		}
		return nil
	case r.Number <= n:
		return nil
	case r.Number > n+1 || !j.proven:
		return fmt.Errorf("%w: the archive has no record %d, but record %d%s", ErrNotContinued, n+1, r.Number, j.reason())
	}
	next := j.at.With(r.Leaf)
	switch {
	case r.Err != nil:
		j.fault = r.Err
	case r.Entry.Number != r.Number || r.Point.Tree != j.tree || next.Root() != r.Point.Root:
		j.fault = errors.New("its checkpoint is not that of the tree")
	case r.Number == j.head.Number && r.Point.Root.String() != j.head.Root:
		j.fault = errors.New("it is not the record that this node had stored")
	case !j.trusted(&r.Entry):
		j.fault = errors.New("its signature is not by a key that this node knows")
	default:
		j.at, j.leaves, j.fault = next, append(j.leaves, r.Leaf), nil
		if r.Number > j.head.Number {
			j.head = r.Head()
		}
	}
	return nil
}

func (j *joining) trusted(e *Entry) bool {
	if j.trust == nil {
		return true
	}
	fault, _ := j.trust.Check(e)
	return fault == ""
}

// join makes the result of a joining the chain's.
func (c *Chain) join(j *joining) error {
	tip, at := j.at, j.at
	var sealed []Sealed
	leftover, unfit := slices.Clone(c.leftover), slices.Clone(c.unfit)
	for _, s := range c.sealed {
		next := tip.With(s.Leaf)
		switch {
		case s.Tree == j.tree && s.Number <= at.Size() && s.Leaf == j.leaves[s.Number-1]:
			if err := c.fs.Remove(s.Path); err != nil { // the archive has it
				return fmt.Errorf("remove the stored record %d: %w", s.Number, err)
			}
		case s.Tree == j.tree && s.Number == next.Size() && s.Root == next.Root().String():
			sealed, tip = append(sealed, s), next
		case s.Tree == j.tree:
			unfit = append(unfit, s.Path)
		default:
			leftover = append(leftover, Leftover{s, c.id.Cluster, c.id.Node})
		}
	}
	if j.fault != nil && tip.Size() == at.Size() {
		return fmt.Errorf("%w: record %d of the archive: %w", ErrNotContinued, at.Size()+1, j.fault)
	}
	for _, path := range unfit {
		if _, err := c.fs.SetAside(path, time.Now()); err != nil {
			return fmt.Errorf("set a record aside that does not continue the tree: %w", err)
		}
	}
	data := make([]byte, 0, len(j.leaves)*sha256.Size)
	for _, leaf := range j.leaves {
		data = append(data, leaf[:]...)
	}
	if err := c.fs.WriteFile(c.leavesPath(), data, 0o600); err != nil {
		return fmt.Errorf("write the leaves: %w", err)
	}
	if (j.head.Number > 0 || j.tree > 1) && c.begins.Reason == BeginNew { // the archive knows better
		c.begins.Reason = BeginStateLost
	}
	j.head.Tree = j.tree
	c.stored, c.base, c.tip, c.sealed, c.leftover, c.unfit, c.joined = j.head, at, tip, sealed, leftover, nil, true
	return nil
}

// Begin has the chain begin a tree; why says, in the first record of the epoch, why the
// one before ended.
func (c *Chain) Begin(tree int, why string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if why != "" {
		c.begins.Detail = why
	}
	return c.join(&joining{tree: tree})
}

// Begins is the reason of the epoch, with what the chain has learned of it.
func (c *Chain) Begins() Begins {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begins
}

// StoredHead is the last record that the archive has.
func (c *Chain) StoredHead() Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stored
}

// reason is what was wrong with the number that is missing, for messages.
func (j *joining) reason() string {
	if j.fault == nil {
		return ""
	}
	return ": " + j.fault.Error()
}
