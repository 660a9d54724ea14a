package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// FindingKind names a fault of a chain.
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
	// Index is the record's index among those given; -1 if it is missing.
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

// Links is the result of [VerifyLinks].
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

// Entry is a record as it was found, in the archive or on disk.
type Entry struct {
	Record
	// SHA256 of the bytes, lower-case hex.
	SHA256 string
	// Err says why the bytes are not a record (as [Decode] does); nil if they are.
	Err error
}

// Read decodes bytes that should be a record.
func Read(data []byte) Entry {
	r, err := Decode(data)
	return Entry{Record: r, SHA256: Hash(data), Err: err}
}

// VerifyLinks checks the records of one epoch, all of them, in any order. An
// empty MachineID of id stands for that of the epoch's first record. It reads
// nothing but its arguments.
func VerifyLinks(id Identity, records []Entry) Links {
	var l Links
	nodes := make([]node, 0, len(records))
	for i := range records {
		n := node{&records[i], i}
		if n.Err != nil {
			l.Findings = append(l.Findings, n.undecodable())
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
		if first := piece.nodes[0]; first.Previous != "" && !piece.branch {
			l.Findings = append(l.Findings, first.finding(FindingMissingPrevious, "the record it follows, "+first.Previous+", is not there"))
		}
	}
	l.Findings = append(l.Findings, missing(nodes)...)
	return l
}

// node is a record among others.
type node struct {
	*Entry
	index int
}

func (n node) head() Head { return Head{Seq: n.Seq, SHA256: n.SHA256} }

func (n node) finding(kind FindingKind, detail string) Finding {
	return Finding{Kind: kind, Index: n.index, Seq: n.Seq, SHA256: n.SHA256, Detail: detail}
}

func (n node) undecodable() Finding {
	if errors.Is(n.Err, ErrNewer) {
		return n.finding(FindingNewer, n.Err.Error())
	}
	return n.finding(FindingUndecodable, n.Err.Error())
}

// own sorts the nodes by number and leaves out those of another identity.
func own(id Identity, nodes []node) ([]node, []Finding) {
	slices.SortFunc(nodes, func(a, b node) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.index, b.index))
	})
	if id.MachineID == "" {
		id.MachineID = machineOf(id, nodes)
	}
	var foreign []Finding
	nodes = slices.DeleteFunc(nodes, func(n node) bool {
		if n.Identity == id {
			return false
		}
		foreign = append(foreign, n.finding(FindingForeign, fmt.Sprintf("it belongs to cluster %s, node %s, machine %q, epoch %s",
			n.Cluster, n.Node, n.MachineID, n.Epoch)))
		return true
	})
	return nodes, foreign
}

// machineOf returns the machine of the epoch's first record, or of the one with the
// lowest number.
func machineOf(id Identity, nodes []node) string {
	var found *node
	for i, n := range nodes {
		if id.MachineID = n.MachineID; id == n.Identity && (found == nil || n.Previous == "" && found.Previous != "") {
			found = &nodes[i]
		}
	}
	if found == nil {
		return ""
	}
	return found.MachineID
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
		if bySum[n.SHA256] {
			findings = append(findings, n.finding(FindingRepeated, "the same record is there more than once"))
			continue
		}
		if i > 0 && nodes[i-1].Seq == n.Seq {
			findings = append(findings, n.finding(FindingDuplicateSeq, "another record, "+nodes[i-1].SHA256+", has this number"))
		}
		if others := next[n.Previous]; len(others) > 0 {
			findings = append(findings, n.finding(FindingFork, fmt.Sprintf("it follows the same record as record %d, %s", others[0].Seq, others[0].SHA256)))
		}
		bySum[n.SHA256] = true
		next[n.Previous] = append(next[n.Previous], n)
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
		repeated := i > 0 && nodes[i-1].SHA256 == n.SHA256
		if n.Previous != "" && !bySum[n.Previous] && !repeated {
			begin = append(begin, n)
		}
	}
	push(false, append(slices.Clone(next[""]), begin...)...)
	for len(walk) > 0 {
		p := walk[len(walk)-1]
		walk = walk[:len(walk)-1]
		for after := next[p.nodes[0].SHA256]; len(after) > 0; after = next[after[0].SHA256] {
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
		if n.Seq > last+1 {
			findings = append(findings, Finding{Kind: FindingMissingSeq, Index: -1, Seq: last + 1, Last: n.Seq - 1,
				Detail: fmt.Sprintf("the numbers %d to %d have no record", last+1, n.Seq-1)})
		}
		last = n.Seq
	}
	return findings
}
