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

// Stored is the archived object under the key of a record.
type Stored struct {
	// Number is the one in the key.
	Number int64
	Entry
}

func (f folder) leavesPath() string { return filepath.Join(f.dir, LeavesName) }

// treeOf is the tree of the first leaves on this disk, at most size.
func (f folder) treeOf(most int64) (Tree, error) {
	nodes, _ := nodesOf(0, nil)
	file, err := os.Open(f.leavesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return Tree{nodes}, nil
	}
	if err != nil {
		return Tree{}, fmt.Errorf("read the leaves: %w", err)
	}
	defer file.Close()
	for in := bufio.NewReader(file); int64(nodes.End()) < most; {
		var leaf Hash
		_, err := io.ReadFull(in, leaf[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return Tree{}, fmt.Errorf("read the leaves: %w", err)
		}
		_ = nodes.Append(leaf[:], nil) // as in With
	}
	return Tree{nodes}, nil
}

// kept is the tree of the leaves on this disk up to a head; ok says that they are its own.
func (f folder) kept(head Head) (tree Tree, ok bool, err error) {
	tree, err = f.treeOf(head.Number)
	return tree, err == nil && tree.Size() == head.Number && (head.Number == 0 || tree.Root().String() == head.Root), err
}

// maxLeaves is more leaves than a node has.
const maxLeaves = 1 << 32

// Leaves returns how many leaves on this disk [Chain.Join] can begin with. With a head
// those are its own or none. Without, they are proven by the record of that number.
func (f folder) Leaves(head Head) (int64, error) {
	if head.Number == 0 {
		tree, err := f.treeOf(maxLeaves)
		return tree.Size(), err
	}
	if _, ok, err := f.kept(head); !ok {
		return 0, err
	}
	return head.Number, nil
}

// KeptTree is the tree of the first leaves on this disk, at most size of those up to a
// head, whose they must be.
func (f folder) KeptTree(head Head, most int64) (Tree, error) {
	_, ok, err := f.kept(head)
	if err == nil && !ok {
		err = fmt.Errorf("the leaves on this disk are not those of record %d", head.Number)
	}
	if err != nil {
		return Tree{}, err
	}
	return f.treeOf(min(most, head.Number))
}

// Leaf is the leaf of a record, from this disk.
func (f folder) Leaf(number int64) (leaf Hash, err error) {
	file, err := os.Open(f.leavesPath())
	if err == nil {
		defer file.Close()
		_, err = file.ReadAt(leaf[:], (number-1)*sha256.Size)
	}
	if err != nil {
		return leaf, fmt.Errorf("read the leaf of record %d: %w", number, err)
	}
	return leaf, nil
}

// joining is the state of one [Chain.Join].
type joining struct {
	folder
	tree   int
	at     Tree
	last   Hash   // its last leaf
	more   []byte // its last leaves, which are not on this disk yet
	head   Head
	trust  *Trust
	proven bool  // the leaves on this disk
	fault  error // of the last number that no record could be taken of
}

// Join has the chain continue a tree: from the first leaves on this disk (see
// [Chain.Leaves]), then with the records of the archive, in the order of their keys
// and of their copies, from the last of these leaves on. head is the last record that
// is known; the zero Head if none is. trust follows the signatures; nil: they do not
// count. [ErrNotContinued] if that does not make one tree up to the head at least.
// The sealed records that continue it stay; others of this tree are set aside.
func (c *Chain) Join(tree int, head Head, leaves int64, trust *Trust, records iter.Seq2[Stored, error]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := joining{folder: c.folder, tree: tree, head: head, trust: trust, proven: head.Number > 0 || leaves == 0}
	var err error
	if j.at, err = c.treeOf(leaves); err == nil && j.at.Size() > 0 {
		j.last, err = c.Leaf(j.at.Size())
	}
	if err != nil {
		return err
	}
	for r, err := range records {
		if err == nil {
			err = j.take(r)
		}
		if err != nil {
			return err
		}
	}
	archived := j.at.Size()
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
		j.proven = r.Err == nil && r.Point.Tree == j.tree && r.Point.Root == j.at.Root() && r.Leaf == j.last && j.trusted(&r.Entry)
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
		j.at, j.last, j.more, j.fault = next, r.Leaf, append(j.more, r.Leaf[:]...), nil
		if r.Number > j.head.Number {
			j.head = r.Head()
		}
		if len(j.more) >= leavesAtOnce {
			return j.keep()
		}
	}
	return nil
}

// leavesAtOnce is how many bytes of leaves a joining holds in memory.
const leavesAtOnce = 128 << 10

// keep writes the leaves in memory behind those on this disk.
func (j *joining) keep() error {
	if err := j.fs.AppendAt(j.leavesPath(), j.at.Size()*sha256.Size-int64(len(j.more)), j.more); err != nil {
		return fmt.Errorf("write the leaves: %w", err)
	}
	j.more = j.more[:0]
	return nil
}

// trusted refuses signatures of another key. A node whose key was missing or replaced has
// made records without a signature: they continue the tree, and verify reports each.
func (j *joining) trusted(e *Entry) bool {
	if j.trust == nil {
		return true
	}
	fault, _ := j.trust.Check(e)
	return fault == "" || fault == FaultUnsigned
}

// join makes the result of a joining the chain's.
func (c *Chain) join(j *joining) error {
	if err := j.keep(); err != nil {
		return err
	}
	tip, at := j.at, j.at
	var sealed []Sealed
	leftover, unfit := slices.Clone(c.leftover), slices.Clone(c.unfit)
	for _, s := range c.sealed {
		next := tip.With(s.Leaf)
		var archived Hash
		if s.Tree == j.tree && s.Number <= at.Size() {
			var err error
			if archived, err = c.Leaf(s.Number); err != nil {
				return err
			}
		}
		switch {
		case s.Leaf == archived:
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
	return c.join(&joining{folder: c.folder, tree: tree})
}

// Begins is the reason of the epoch, with the chain's findings.
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

// reason is the fault of the number that is missing, for messages.
func (j *joining) reason() string {
	if j.fault == nil {
		return ""
	}
	return ": " + j.fault.Error()
}
