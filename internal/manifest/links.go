package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// FindingKind names what is wrong with a chain.
type FindingKind string

// The kinds of findings.
const (
	// FindingUndecodable: not a record, or not in canonical form.
	FindingUndecodable FindingKind = "undecodable"
	// FindingNewer: written by a newer version; it was not checked.
	FindingNewer FindingKind = "newer"
	// FindingForeign: a record of another cluster, node, machine or epoch.
	FindingForeign FindingKind = "foreign"
	// FindingRepeated: the same bytes are there more than once.
	FindingRepeated FindingKind = "repeated"
	// FindingDuplicateSeq: two records have the same number.
	FindingDuplicateSeq FindingKind = "duplicate_seq"
	// FindingFork: two records follow the same one, or both begin the epoch.
	FindingFork FindingKind = "fork"
	// FindingMissingPrevious: the record that this one follows is not there.
	FindingMissingPrevious FindingKind = "missing_previous"
	// FindingMissingSeq: no record has the numbers Seq to Last. The number of
	// a file that is not finished yet is missing too.
	FindingMissingSeq FindingKind = "missing_seq"
	// FindingChanged: the bytes are not those that were sealed.
	FindingChanged FindingKind = "changed"
)

// Finding is one thing that is wrong with a chain.
type Finding struct {
	Kind FindingKind `json:"kind"`
	// Index is the record's place in what was given; -1 where none is there.
	Index int `json:"index"`
	// Seq is the record's number; 0 where it could not be read.
	Seq int64 `json:"seq"`
	// Last ends a range of numbers that begins with Seq, of
	// [FindingMissingSeq] only.
	Last int64 `json:"last,omitempty"`
	// SHA256 of the record's bytes; empty where none are there.
	SHA256 string `json:"sha256,omitempty"`
	// Detail is for people.
	Detail string `json:"detail"`
}

// String is for messages.
func (f Finding) String() string {
	if f.Seq == 0 {
		return fmt.Sprintf("%s: %s", f.Kind, f.Detail)
	}
	return fmt.Sprintf("%s: record %d: %s", f.Kind, f.Seq, f.Detail)
}

// Links is what [VerifyLinks] found.
type Links struct {
	// Order are the indices of the chain's records, along the links. Where the
	// chain is in pieces, the one from the epoch's beginning comes first, then
	// the others by the number of their first record.
	Order []int
	// Head is the last record of the first piece; zero without records.
	Head Head
	// Findings are empty for a whole chain. That does not prove that nothing
	// was cut off at its end: compare Head with one known from elsewhere.
	Findings []Finding
}

// VerifyLinks checks the records of one epoch, all of them, in any order. An
// empty field of id stands for what the epoch's first record says. It reads
// nothing but its arguments, and keeps some 300 bytes for a record.
func VerifyLinks(id Identity, records [][]byte) Links {
	var l Links
	nodes := make([]node, 0, len(records))
	for i, data := range records {
		n, err := newNode(i, data)
		if err != nil {
			l.Findings = append(l.Findings, undecodable(i, data, err))
			continue
		}
		nodes = append(nodes, n)
	}
	nodes, foreign := own(id, nodes)
	pieces, findings := arrange(nodes)
	l.Findings = append(l.Findings, foreign...)
	l.Findings = append(l.Findings, findings...)
	for i, piece := range pieces {
		for _, n := range piece.nodes {
			l.Order = append(l.Order, n.index)
		}
		if i == 0 {
			l.Head = piece.nodes[len(piece.nodes)-1].head()
		}
		if first := piece.nodes[0]; first.previous != "" && !piece.branch {
			l.Findings = append(l.Findings, first.finding(FindingMissingPrevious, "the record it follows, "+first.previous+", is not there"))
		}
	}
	l.Findings = append(l.Findings, missing(nodes)...)
	return l
}

// node is a record as far as its place in the chain goes.
type node struct {
	index    int
	id       Identity
	seq      int64
	previous string
	sum      string
}

func newNode(index int, data []byte) (node, error) {
	r, err := Decode(data)
	if err != nil {
		return node{}, err
	}
	return node{index: index, id: r.Identity, seq: r.Seq, previous: r.Previous, sum: Hash(data)}, nil
}

func (n node) head() Head { return Head{Seq: n.seq, SHA256: n.sum} }

func (n node) finding(kind FindingKind, detail string) Finding {
	return Finding{Kind: kind, Index: n.index, Seq: n.seq, SHA256: n.sum, Detail: detail}
}

func undecodable(index int, data []byte, err error) Finding {
	kind := FindingUndecodable
	if errors.Is(err, ErrNewer) {
		kind = FindingNewer
	}
	return Finding{Kind: kind, Index: index, SHA256: Hash(data), Detail: err.Error()}
}

// own sorts the nodes by number and leaves out those of another identity.
func own(id Identity, nodes []node) ([]node, []Finding) {
	slices.SortFunc(nodes, func(a, b node) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.sum, b.sum), cmp.Compare(a.index, b.index))
	})
	id = complete(id, nodes)
	var foreign []Finding
	nodes = slices.DeleteFunc(nodes, func(n node) bool {
		if n.id == id {
			return false
		}
		foreign = append(foreign, n.finding(FindingForeign, fmt.Sprintf("it belongs to cluster %s, node %s, machine %q, epoch %s",
			n.id.Cluster, n.id.Node, n.id.MachineID, n.id.Epoch)))
		return true
	})
	return nodes, foreign
}

// complete fills what is empty in id from the epoch's first record, or from
// the one with the lowest number, of those that id does not exclude.
func complete(id Identity, nodes []node) Identity {
	fill := func(n node) Identity {
		return Identity{
			Cluster: cmp.Or(id.Cluster, n.id.Cluster), Node: cmp.Or(id.Node, n.id.Node),
			MachineID: cmp.Or(id.MachineID, n.id.MachineID), Epoch: cmp.Or(id.Epoch, n.id.Epoch),
		}
	}
	var found *node
	for i, n := range nodes {
		if fill(n) != n.id {
			continue
		}
		if n.previous == "" {
			return n.id
		}
		if found == nil {
			found = &nodes[i]
		}
	}
	if found == nil {
		return id
	}
	return found.id
}

// piece is a part of the chain without a break.
type piece struct {
	nodes  []node
	branch bool // it follows a record that another one follows too
}

// arrange puts nodes, sorted by number, into the order of their links.
func arrange(nodes []node) ([]piece, []Finding) {
	var findings []Finding
	bySum := make(map[string]bool, len(nodes))
	next := make(map[string][]node, len(nodes)) // by what they follow
	for i, n := range nodes {
		if bySum[n.sum] {
			findings = append(findings, n.finding(FindingRepeated, "the same record is there more than once"))
			continue
		}
		if i > 0 && nodes[i-1].seq == n.seq {
			findings = append(findings, n.finding(FindingDuplicateSeq, "another record, "+nodes[i-1].sum+", has this number"))
		}
		if others := next[n.previous]; len(others) > 0 {
			findings = append(findings, n.finding(FindingFork, fmt.Sprintf("it follows the same record as record %d, %s", others[0].seq, others[0].sum)))
		}
		bySum[n.sum] = true
		next[n.previous] = append(next[n.previous], n)
	}
	return follow(nodes, bySum, next), findings
}

// follow walks along the links, from the beginning of the epoch first. A
// record follows one other, so each is met once.
func follow(nodes []node, bySum map[string]bool, next map[string][]node) []piece {
	var pieces []piece
	var walk []piece // each with its first node only; the last one is taken first
	push := func(branch bool, starts ...node) {
		for _, n := range slices.Backward(starts) {
			walk = append(walk, piece{nodes: []node{n}, branch: branch})
		}
	}
	var begin []node
	for i, n := range nodes {
		repeated := i > 0 && nodes[i-1].sum == n.sum
		if n.previous != "" && !bySum[n.previous] && !repeated {
			begin = append(begin, n)
		}
	}
	push(false, append(slices.Clone(next[""]), begin...)...)
	for len(walk) > 0 {
		p := walk[len(walk)-1]
		walk = walk[:len(walk)-1]
		for after := next[p.nodes[0].sum]; len(after) > 0; after = next[after[0].sum] {
			p.nodes = append(p.nodes, after[0])
			push(true, after[1:]...)
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// missing lists the numbers, from 1 to the highest, that no node has.
func missing(nodes []node) []Finding {
	var findings []Finding
	last := int64(0)
	for _, n := range nodes {
		if n.seq > last+1 {
			findings = append(findings, Finding{Kind: FindingMissingSeq, Index: -1, Seq: last + 1, Last: n.seq - 1,
				Detail: fmt.Sprintf("the numbers %d to %d have no record", last+1, n.seq-1)})
		}
		last = n.seq
	}
	return findings
}
