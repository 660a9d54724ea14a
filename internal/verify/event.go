package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// EventID names a line of an archived file, as its row does.
type EventID struct {
	Epoch string
	Seq   int64 // of the file
	Line  int64 // from 1
}

var eventID = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}[0-9a-f]{6})/([0-9]{1,18})/([0-9]{1,18})$`)

// ParseEventID parses EPOCH/SEQ/LINE.
func ParseEventID(s string) (EventID, error) {
	m := eventID.FindStringSubmatch(s)
	if m == nil {
		return EventID{}, fmt.Errorf("event %q: expected EPOCH/SEQ/LINE, as in the columns epoch, seq and source_line: 20261122T120000a1b2c3/7/42", s)
	}
	id := EventID{Epoch: m[1]}
	id.Seq, _ = strconv.ParseInt(m[2], 10, 64)
	id.Line, _ = strconv.ParseInt(m[3], 10, 64)
	if id.Seq < 1 || id.Line < 1 {
		return EventID{}, fmt.Errorf("event %q: numbers begin at 1", s)
	}
	return id, nil
}

// Event is a line with the proof that it is in the file that its record
// describes (RFC 6962, section 2.1.1), and that the record is in the node's tree:
// whoever has the record can check it without the rest of the file. Its fields are
// those of the JSON form.
type Event struct {
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	Epoch   string `json:"epoch"`
	Seq     int64  `json:"seq"`
	File    string `json:"file"`
	// Line is the number of the line, from 1, of Lines.
	Line  int64 `json:"line"`
	Lines int64 `json:"lines"`
	// Text is the line without its newline.
	Text string `json:"text"`
	// LeafHash is the SHA-256 of a zero byte and the line.
	LeafHash string `json:"leafHash"`
	// Path are the hashes that lead from the leaf to the root.
	Path []string `json:"path"`
	// MerkleRoot is the record's.
	MerkleRoot string `json:"merkleRoot"`
	// Record is the key of the record, RecordNumber its number in the tree and
	// RecordLeaf the hash of its leaf.
	Record       string `json:"record"`
	RecordNumber int64  `json:"recordNumber"`
	RecordLeaf   string `json:"recordLeaf"`
	// RecordPath are the hashes that lead from that leaf to the root in Checkpoint,
	// the signed note of the record: it is the last leaf of that tree.
	RecordPath []string `json:"recordPath"`
	Checkpoint string   `json:"checkpoint"`
	// Redacted: Text is the line after archive redaction.
	Redacted bool `json:"redacted,omitempty"`
}

// ErrNoEvent is returned by [Prove] where the archive has no such line.
var ErrNoEvent = errors.New("no such event in the archive")

// Prove verifies the records of an archive, restores one file and proves that
// one of its lines belongs to it. The report is that of [Run] with
// Options.ChainOnly: the proof is worth as much as the chain.
func Prove(ctx context.Context, a *archive.Bucket, opt Options, id EventID) (*Event, *Report, error) {
	opt.ChainOnly, opt.Deep, opt.event = true, false, &id
	v, err := run(ctx, a, opt)
	if err != nil {
		return nil, nil, err
	}
	r, err := v.fileRecord(id)
	if err != nil {
		return nil, nil, err
	}
	if !r.proven {
		return nil, nil, fmt.Errorf("record %d of %s is not proven by the tree: verify says why", r.Number, r.Source.Name)
	}
	want := r.Stored()
	if id.Line > want.Lines {
		return nil, nil, fmt.Errorf("line %d of %s, which has %d: %w", id.Line, r.Source.Name, want.Lines, ErrNoEvent)
	}
	p, err := newInclusion(id.Line-1, want.Lines)
	if err != nil {
		return nil, nil, err
	}
	if err := v.restoreTo(ctx, r, p); err != nil {
		return nil, nil, fmt.Errorf("restore %s: %w", r.Source.Name, err)
	}
	root, err := hex.DecodeString(want.MerkleRoot)
	if err != nil || len(root) != sha256.Size {
		return nil, nil, fmt.Errorf("record %d has no Merkle root: its lines can only be proven together (--deep)", r.Number)
	}
	path, err := p.path()
	leaf := rfc6962.DefaultHasher.HashLeaf(p.text)
	if err == nil {
		err = proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(id.Line-1), uint64(want.Lines), leaf, path, root)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("line %d of %s is not the one that record %d was made of: %w", id.Line, r.Source.Name, r.Number, err)
	}
	e := &Event{
		Cluster: r.Cluster, Node: r.Node, Epoch: r.Epoch, Seq: r.Seq, File: r.Source.Name, Line: id.Line, Lines: want.Lines,
		Text: string(p.text), LeafHash: hex.EncodeToString(leaf), MerkleRoot: want.MerkleRoot,
		Record: r.key(), RecordNumber: r.Number, RecordLeaf: r.Leaf.String(), RecordPath: []string{}, Checkpoint: r.Checkpoint,
		Redacted: r.Content != nil, Path: []string{},
	}
	for _, h := range r.path {
		e.RecordPath = append(e.RecordPath, h.String())
	}
	for _, h := range path {
		e.Path = append(e.Path, hex.EncodeToString(h))
	}
	return e, &v.found.report, nil
}

// fileRecord finds the record of a file.
func (v *verification) fileRecord(id EventID) (found *record, err error) {
	for r := range v.files() {
		if r.id().Epoch != id.Epoch || r.id().Seq != id.Seq {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("two nodes, %s and %s, have epoch %s and number %d: give --cluster and --node", found.Node, r.Node, id.Epoch, id.Seq)
		}
		found = r
	}
	if found == nil {
		return nil, fmt.Errorf("a file with epoch %s and number %d: %w", id.Epoch, id.Seq, ErrNoEvent)
	}
	return found, nil
}

// inclusion takes a file and keeps one line and the nodes of the tree that prove
// it: one pass finds them all, in constant memory.
type inclusion struct {
	tree   parquet.LineTree
	nodes  proof.Nodes
	hashes [][]byte // of the nodes
	index  int64    // of the line, from 0
	line   int64    // being written, from 0
	text   []byte   // of the line
}

func newInclusion(index, lines int64) (*inclusion, error) {
	nodes, err := proof.Inclusion(uint64(index), uint64(lines))
	p := &inclusion{index: index, nodes: nodes, hashes: make([][]byte, len(nodes.IDs))}
	p.tree.Visit = func(id compact.NodeID, hash []byte) {
		if i := slices.Index(nodes.IDs, id); i >= 0 {
			p.hashes[i] = hash
		}
	}
	return p, err
}

// Write takes the next bytes of the file.
func (p *inclusion) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0 && p.line <= p.index; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		if p.line == p.index {
			p.text = append(p.text, part...)
		}
		if rest = after; ended {
			p.line++
		}
	}
	return p.tree.Write(b)
}

// path returns the hashes that lead from the line to the root.
func (p *inclusion) path() ([][]byte, error) {
	p.tree.Root() // ends the last line
	return p.nodes.Rehash(p.hashes, rfc6962.DefaultHasher.HashChildren)
}

// pathAfter returns the inclusion proof of the record after those of a tree, in the tree that
// ends with it.
func pathAfter(t manifest.Tree) []manifest.Hash {
	path := t.Hashes()
	slices.Reverse(path)
	return path
}
