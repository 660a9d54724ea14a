package manifest

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Leftover is a sealed record of another node or of an earlier tree.
type Leftover struct {
	Sealed
	// Cluster and Node are the record's.
	Cluster, Node string
}

// Leftovers returns the sealed records of other trees. The caller stores each and
// removes the file.
func (c *Chain) Leftovers() []Leftover {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.leftover)
}

var sealedName = regexp.MustCompile(`^([0-9]{4})-([0-9]{12,19})-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,19})\.json$`)

// fileName is the name of a sealed record, and the last part of its key in the
// archive.
func fileName(h Head) string {
	return fmt.Sprintf("%04d-%012d-%s-%08d.json", h.Tree, h.Number, h.Epoch, h.Seq)
}

// parseFileName is the inverse of fileName; ok is false for any other name.
func parseFileName(name string) (h Head, ok bool) {
	m := sealedName.FindStringSubmatch(name)
	if m == nil {
		return h, false
	}
	h.Tree, _ = strconv.Atoi(m[1])
	h.Number, _ = strconv.ParseInt(m[2], 10, 64)
	h.Epoch = m[3]
	h.Seq, _ = strconv.ParseInt(m[4], 10, 64)
	return h, h.Tree > 0 && h.Number > 0 && h.Seq > 0 && fileName(h) == name
}

// load reads the directory; nothing of c changes where it fails.
func (c *Chain) load() error {
	entries, err := os.ReadDir(c.Dir())
	if err != nil {
		return fmt.Errorf("read the sealed records: %w", err)
	}
	var files []Sealed // of this node
	var leftover []Leftover
	var unfit []string
	for _, entry := range entries {
		name, ok := parseFileName(entry.Name())
		if !ok {
			continue
		}
		path := filepath.Join(c.Dir(), entry.Name())
		data, err := readFile(path)
		if err != nil && data == nil {
			return fmt.Errorf("read the sealed records: %w", err)
		}
		e := Read(data)
		s := c.sealedAs(e, data)
		if e.Err == nil && s.Path != path {
			e.Err = invalid("%s is record %d of epoch %s", entry.Name(), e.Number, e.Epoch)
		}
		if s.Path = path; e.Err != nil {
			s.Head = name
		}
		switch {
		case e.Err == nil && e.Cluster == c.id.Cluster && e.Node == c.id.Node:
			files = append(files, s)
		case e.Err != nil && c.joined && name.Tree == c.stored.Tree:
			return c.broken("%s: %v", entry.Name(), e.Err)
		case e.Err != nil:
			unfit = append(unfit, path)
		default:
			leftover = append(leftover, Leftover{s, e.Cluster, e.Node})
		}
	}
	slices.SortFunc(files, func(a, b Sealed) int {
		return cmp.Or(cmp.Compare(a.Tree, b.Tree), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Path, b.Path))
	})
	tip := c.base
	if c.joined {
		var stranger *Sealed
		if tip, stranger = joins(files, c.base, c.stored); stranger != nil {
			return c.broken("%s does not follow record %d of tree %d", filepath.Base(stranger.Path), tip.Size(), c.stored.Tree)
		}
	}
	// A name may be there whose fsync never came.
	if err := c.fs.SyncDir(c.Dir()); err != nil {
		return fmt.Errorf("read the sealed records: %w", err)
	}
	c.sealed, c.leftover, c.unfit, c.tip = files, leftover, unfit, tip
	return nil
}

// joins returns the tree with the records of files, which must be one piece that
// continues the base, or the first that does not. The first may be the last stored
// record: its removal was interrupted.
func joins(files []Sealed, base Tree, stored Head) (tip Tree, stranger *Sealed) {
	tip = base
	for i, s := range files {
		next := tip.With(s.Leaf)
		switch {
		case i == 0 && s.Tree == stored.Tree && s.Number == stored.Number && s.Root == stored.Root:
			continue
		case s.Tree != stored.Tree || s.Number != next.Size() || s.Root != next.Root().String():
			return tip, &files[i]
		}
		tip = next
	}
	return tip, nil
}

// readFile reads a record's file. One that is too long for a record gives its
// beginning and an error that wraps [ErrInvalid].
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a sealed record: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read a sealed record: %w", err)
	}
	if len(data) > MaxSize {
		return data, invalid("%s: more than %d bytes", path, MaxSize)
	}
	return data, nil
}
