package manifest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Leftover is a sealed record of another epoch that is still on disk.
type Leftover struct {
	// Sealed describes the file. Seq is from its name.
	Sealed
	// Identity of the record; of an unreadable one, only Epoch, from the name.
	Identity
	// Err says why the file is no record ([ErrInvalid], [ErrNewer],
	// [ErrNotCanonical]); nil for a whole one.
	Err error
}

// Leftovers returns the records of other epochs that [Open] found, by epoch and
// number. The caller stores a whole one if the archive has the objects it
// names, and removes the file or sets it aside (package durable).
func (c *Chain) Leftovers() []Leftover {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.leftover)
}

var sealedName = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,19})\.json$`)

// fileName is the name of a sealed record, and the last part of its key in the
// archive.
func fileName(epoch string, seq int64) string { return fmt.Sprintf("%s-%08d.json", epoch, seq) }

// parseFileName is the inverse of fileName; ok is false for any other name.
func parseFileName(name string) (epoch string, seq int64, ok bool) {
	m := sealedName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	seq, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil || seq < 1 || fileName(m[1], seq) != name {
		return "", 0, false
	}
	return m[1], seq, true
}

// found is what the directory holds of this epoch.
type found struct {
	nodes    []node
	files    []Sealed // by the index of the node
	findings []Finding
}

// load reads the directory; nothing of c changes where it fails.
func (c *Chain) load() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("read the sealed records: %w", err)
	}
	var have found
	var leftover []Leftover
	for _, e := range entries {
		epoch, seq, ok := parseFileName(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(c.dir, e.Name())
		data, err := readFile(path)
		if err != nil && data == nil {
			return fmt.Errorf("read the sealed records: %w", err)
		}
		record := Read(data)
		s := Sealed{Path: path, Seq: seq, SHA256: record.SHA256, Size: int64(len(data))}
		if epoch == c.id.Epoch {
			have.add(c.id, s, record)
		} else {
			leftover = append(leftover, newLeftover(epoch, s, record))
		}
	}
	sealed, err := c.join(have)
	if err != nil {
		return err
	}
	// A name may be there whose fsync never came.
	if err := c.fs.SyncDir(c.dir); err != nil {
		return fmt.Errorf("read the sealed records: %w", err)
	}
	c.sealed, c.leftover = sealed, leftover
	if n := len(sealed); n > 0 {
		c.head = Head{Seq: sealed[n-1].Seq, SHA256: sealed[n-1].SHA256}
	}
	return nil
}

// add takes a file of this epoch.
func (f *found) add(id Identity, s Sealed, e Entry) {
	n := node{&e, len(f.files)}
	f.files = append(f.files, s)
	name := filepath.Base(s.Path)
	switch {
	case n.Err != nil:
		finding := n.undecodable()
		finding.Seq, finding.Detail = s.Seq, name+": "+finding.Detail
		f.findings = append(f.findings, finding)
	case n.Identity != id || n.Seq != s.Seq:
		f.findings = append(f.findings, n.finding(FindingForeign, fmt.Sprintf("%s is record %d of cluster %s, node %s, machine %q, epoch %s",
			name, n.Seq, n.Cluster, n.Node, n.MachineID, n.Epoch)))
	default:
		f.nodes = append(f.nodes, n)
	}
}

// join returns the files of this epoch along the links, which must be one
// piece that continues the head.
func (c *Chain) join(have found) ([]Sealed, error) {
	nodes, _ := own(c.id, have.nodes)
	pieces, findings := arrange(nodes)
	findings = append(have.findings, findings...)
	var sealed []Sealed
	for _, p := range pieces {
		for _, n := range p.nodes {
			sealed = append(sealed, have.files[n.index])
		}
		if !p.branch && !c.continues(p.nodes) {
			first := p.nodes[0]
			findings = append(findings, first.finding(FindingMissingPrevious,
				fmt.Sprintf("it follows %q; the head is record %d, %q", first.Previous, c.head.Seq, c.head.SHA256)))
		}
	}
	if len(findings) > 0 {
		return nil, &BrokenError{Dir: c.dir, Findings: findings}
	}
	return sealed, nil
}

// continues says whether the head is one of the nodes, or the record that the
// first of them follows.
func (c *Chain) continues(nodes []node) bool {
	if slices.ContainsFunc(nodes, func(n node) bool { return n.head() == c.head }) {
		return true
	}
	taken := slices.ContainsFunc(nodes, func(n node) bool { return n.Seq == c.head.Seq })
	return nodes[0].Previous == c.head.SHA256 && !taken
}

func newLeftover(epoch string, s Sealed, r Entry) Leftover {
	l := Leftover{Sealed: s, Identity: r.Identity, Err: r.Err}
	if r.Err == nil && (r.Epoch != epoch || r.Seq != s.Seq) {
		l.Err = invalid("%s is record %d of epoch %s", filepath.Base(s.Path), r.Seq, r.Epoch)
	}
	if l.Err != nil {
		l.Identity = Identity{Epoch: epoch}
	}
	return l
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
