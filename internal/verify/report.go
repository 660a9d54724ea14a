package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Report is the result of a verification. Its JSON form can be filed.
type Report struct {
	// Archive is its URL, At the time and Program the name and version of the verifier.
	Archive string    `json:"archive"`
	At      time.Time `json:"at"`
	Program string    `json:"program"`
	// Asked are the options.
	Asked Asked `json:"asked"`
	// Clean says that there are no findings, and that there was a file to verify.
	Clean bool `json:"clean"`
	// Empty says that no file has a record.
	Empty bool `json:"empty,omitempty"`
	// Anchored says that public keys were given; else the first key of each tree was
	// taken on trust.
	Anchored bool `json:"anchored"`
	// Findings are the faults, by log and number.
	Findings []Finding `json:"findings"`
	// Nodes are the logs, by cluster and node.
	Nodes []Node `json:"nodes"`
	// Unrecorded counts the files of an archive without any record, which were read.
	Unrecorded int `json:"unrecorded,omitempty"`
	// Unread are those of the notes that say which days and records were not looked at.
	Unread []string `json:"unread,omitempty"`
	// Notes limit the proof without being faults.
	Notes []string `json:"notes"`
	// Omitted counts findings and notes beyond the first 10,000 of each.
	Omitted int64 `json:"omitted,omitempty"`

	state *State
}

// State is trusted by the next verification: to be written in place of
// Options.State. It is nil without one, or if it must stay as it is.
func (r *Report) State() *State { return r.state }

// Asked are the options of a verification.
type Asked struct {
	Cluster     string    `json:"cluster,omitempty"`
	Node        string    `json:"node,omitempty"`
	From        time.Time `json:"from,omitzero"`
	To          time.Time `json:"to,omitzero"`
	ChainOnly   bool      `json:"chainOnly"`
	Deep        bool      `json:"deep"`
	Versions    bool      `json:"versions,omitempty"`
	Rollups     bool      `json:"rollups,omitempty"`
	ExpireDays  uint      `json:"expireDays,omitempty"`
	ExpectHeads []string  `json:"expectHeads,omitempty"`
	// Keys are the public keys that were given, Accept the trees.
	Keys   []string `json:"keys,omitempty"`
	Accept []string `json:"accept,omitempty"`
}

// Node describes one log of the archive.
type Node struct {
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	// Trees are the trees of records, by number.
	Trees []Tree `json:"trees"`
	// Epochs are in the order of their first records.
	Epochs []Epoch `json:"epochs"`
	// Recorded is the time of the last record: nothing after it is proven.
	Recorded time.Time `json:"recorded"`
	// Archived is the end of the last file that is archived as a whole.
	Archived time.Time `json:"archived,omitzero"`
	// Gaps are the breaks that the records themselves report.
	Gaps []Gap `json:"gaps,omitempty"`
}

// Tree describes one tree of records.
type Tree struct {
	Tree   int    `json:"tree"`
	Origin string `json:"origin"`
	// Head is the last record.
	Head manifest.Head `json:"head"`
	// Trusted counts the records before those, which the state file vouches for.
	Trusted int64 `json:"trusted,omitempty"`
	// Summed counts the records that the rollups of their days stand for.
	Summed int64 `json:"summed,omitempty"`
	// Records counts those that can be read, Proven those whose tree has the root of
	// their checkpoint, Signed those with a signature that was checked.
	Records int64 `json:"records"`
	Proven  int64 `json:"proven"`
	Signed  int64 `json:"signed"`
	// Keys are the keys that signed, in order.
	Keys []string `json:"keys,omitempty"`
}

// Epoch is one life of a node's state.
type Epoch struct {
	Epoch     string    `json:"epoch"`
	MachineID string    `json:"machineID,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	// Records counts all, the others those of a kind.
	Records    int64 `json:"records"`
	Files      int64 `json:"files"`
	Heartbeats int64 `json:"heartbeats"`
	// Lines and Bytes of the files; Objects and ObjectBytes of the archive.
	Lines       int64 `json:"lines"`
	Bytes       int64 `json:"bytes"`
	Objects     int64 `json:"objects"`
	ObjectBytes int64 `json:"objectBytes"`
}

// Gap is a recorded gap, and the record it is in.
type Gap struct {
	Epoch  string `json:"epoch"`
	Seq    int64  `json:"seq"`
	Number int64  `json:"number"`
	manifest.Gap
}

func newReport(opt Options) Report {
	asked := Asked{Cluster: opt.Cluster, Node: opt.Node, From: opt.From, To: opt.To, ChainOnly: opt.ChainOnly, Deep: opt.Deep, Rollups: opt.Rollups, Versions: opt.Versions, ExpireDays: opt.ExpireDays, ExpectHeads: opt.ExpectHeads, Accept: opt.Accept}
	for _, key := range opt.Keys {
		asked.Keys = append(asked.Keys, key.Vkey)
	}
	return Report{Asked: asked, Anchored: len(opt.Keys) > 0, Findings: []Finding{}, Nodes: []Node{}, Notes: []string{}}
}

// finish puts everything in order.
func (r *Report) finish() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Node, b.Node), a.Tree-b.Tree, cmp.Compare(a.Number, b.Number),
			cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Kind, b.Kind))
	})
	r.Clean = len(r.Findings) == 0 && !r.Empty
}

// findings is a report that several goroutines fill.
type findings struct {
	mu     sync.Mutex // guards report
	report Report
}

func (f *findings) find(all ...Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range all {
		if len(f.report.Findings) == maxFindings {
			f.report.Omitted++
			continue
		}
		one.Detail = clip(one.Detail)
		f.report.Findings = append(f.report.Findings, one)
	}
}

// maxFindings bounds findings, and notes, and maxDetail the text of one: whoever writes
// to the archive decides how many there are.
const (
	maxFindings = 10_000
	maxDetail   = 1_000
)

func clip(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + " …"
}

func (f *findings) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.report.Notes) == maxFindings {
		f.report.Omitted++
		return
	}
	f.report.Notes = append(f.report.Notes, clip(fmt.Sprintf(format, args...)))
}

// leaveOut notes the parts that were not checked.
func (f *findings) leaveOut(format string, args ...any) {
	f.note(format, args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.report.Unread) < maxUnread {
		f.report.Unread = append(f.report.Unread, clip(fmt.Sprintf(format, args...)))
	}
}

// maxUnread bounds the list of unchecked parts in the last line of a report.
const maxUnread = 10
