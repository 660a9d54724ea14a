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

// load reads the directory; nothing of c changes where it fails.
func (c *Chain) load() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("read the sealed records: %w", err)
	}
	var files []Sealed // of this epoch
	var records []Entry
	var findings []Finding
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
		r := Read(data)
		s := Sealed{Path: path, Seq: seq, SHA256: r.SHA256, Size: int64(len(data))}
		switch {
		case epoch != c.id.Epoch:
			leftover = append(leftover, newLeftover(epoch, s, r))
		case r.Err == nil && (r.Identity != c.id || r.Seq != seq):
			findings = append(findings, node{&r, -1}.finding(FindingForeign, fmt.Sprintf("%s is record %d of cluster %s, node %s, machine %q, epoch %s",
				e.Name(), r.Seq, r.Cluster, r.Node, r.MachineID, r.Epoch)))
		default:
			files, records = append(files, s), append(records, r)
		}
	}
	links := VerifyLinks(c.id, records)
	if findings = append(findings, c.broken(files, records, links)...); len(findings) > 0 {
		return &BrokenError{Dir: c.dir, Findings: findings}
	}
	// A name may be there whose fsync never came.
	if err := c.fs.SyncDir(c.dir); err != nil {
		return fmt.Errorf("read the sealed records: %w", err)
	}
	c.sealed, c.leftover = nil, leftover
	for _, i := range links.Order {
		c.sealed, c.head = append(c.sealed, files[i]), links.Head
	}
	return nil
}

// broken says why the files of this epoch are not one piece that continues the head.
// Numbers may be missing: of files that are not finished, of records that were removed.
func (c *Chain) broken(files []Sealed, records []Entry, links Links) (findings []Finding) {
	for _, f := range links.Findings {
		switch {
		case f.Kind == FindingMissingSeq, f.Kind == FindingMissingPrevious && f.Index == links.Order[0]:
			continue
		case f.Seq == 0: // it could not be read
			f.Seq, f.Detail = files[f.Index].Seq, filepath.Base(files[f.Index].Path)+": "+f.Detail
		}
		findings = append(findings, f)
	}
	if len(links.Order) > 0 && !c.continues(records, links.Order[0]) {
		findings = append(findings, node{&records[links.Order[0]], links.Order[0]}.finding(FindingMissingPrevious,
			fmt.Sprintf("it follows %q; the head is record %d, %q", records[links.Order[0]].Previous, c.head.Seq, c.head.SHA256)))
	}
	return findings
}

// continues says whether the head is one of the records, or the one that the first
// of them follows.
func (c *Chain) continues(records []Entry, first int) bool {
	if i := slices.IndexFunc(records, func(r Entry) bool { return r.Err == nil && r.Seq == c.head.Seq }); i >= 0 {
		return records[i].SHA256 == c.head.SHA256
	}
	return records[first].Previous == c.head.SHA256
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
