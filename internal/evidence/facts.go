package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/contents"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// The levels of a verdict: the classes of the page.
const (
	levelGood = "good"
	levelWarn = "warn"
	levelBad  = "bad"
)

// The states of a node's day.
const (
	stateComplete = "complete"
	stateOpen     = "open"    // its last lines were in no finished file yet
	stateGap      = "gap"     // a recorded gap is in its time
	stateFinding  = "finding" // a finding is in its time
	stateUnknown  = "unknown" // no record, or none of the part of the day that is in the period
)

// facts are the content of the pages.
type facts struct {
	Statement
	StatementSum   string
	Level, Verdict string
	Records        *verify.Report
	Keys           []manifest.TrustedKey
	Nodes          []*node
	States         map[string]int // node days by their state
	NodeDays       int
	Gaps           []gap
	Setups         []setup
	Policies       map[string]string         // texts by their hash
	Heads          map[string]manifest.Entry // last record of each tree
	Faults         []string                  // of the pack, which no report has
}

// node is a node in the period.
type node struct {
	verify.Node `json:"-"`
	Name        string         `json:"node"`
	Setup       bool           `json:"-"` // it has settings from before the period
	Sum         contents.Day   `json:"-"`
	States      map[string]int `json:"states"`
	Days        []day          `json:"days"`
}

type day struct {
	Date  string       `json:"date"`
	State string       `json:"state"`
	Sum   contents.Day `json:"sum"`
}

type gap struct {
	Node string
	manifest.RollupGap
}

// setup is a record of settings.
type setup struct {
	manifest.Entry
	Before bool // the period: in force when it began
}

// maxPeriod bounds a period, and with it the pages; maxJSON the statement, which has at most 10,000 findings.
const (
	maxPeriod = 50 * 366 * 24 * time.Hour
	maxJSON   = 64 << 20
)

// read reads the sources of a pack.
func read(ctx context.Context, dir string) (*facts, error) {
	f := &facts{States: map[string]int{}, Policies: map[string]string{}, Heads: map[string]manifest.Entry{}}
	path := filepath.Join(dir, statementFile)
	file, err := os.Open(path)
	if err == nil {
		defer file.Close()
		d := json.NewDecoder(io.LimitReader(file, maxJSON))
		d.DisallowUnknownFields()
		err = d.Decode(&f.Statement)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case f.Version != 1 || f.Report == nil:
		return nil, fmt.Errorf("read %s: version %d; use the version of auditsidecar that made the pack", path, f.Version)
	case f.From().IsZero() || !f.From().Before(f.To()) || f.To().Sub(f.From()) > maxPeriod:
		return nil, fmt.Errorf("read %s: the period is %s to %s", path, stamp(f.From()), stamp(f.To()))
	}
	if f.StatementSum, err = sumOf(dir, statementFile); err != nil {
		return nil, err
	}
	f.Keys, err = verify.ReadTrustedKeys(filepath.Join(dir, keyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if f.Records, err = verifyRecords(ctx, dir, f.Report, f.Keys); err != nil {
		return nil, err
	}
	for _, head := range headsOf(f.Records) {
		if !slices.Contains(f.Report.Asked.ExpectHeads, head) {
			f.Faults = append(f.Faults, "the verification of the archive did not look for the head "+head+", with which the records of this pack end")
		}
	}
	if sum, err := sumOf(dir, verifierFile); err != nil || sum != f.Verifier {
		f.Faults = append(f.Faults, verifierFile+": not the program that the statement names")
	}
	copied, err := openDir(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.readRecords(ctx, copied), f.readSums(ctx, copied)); err != nil {
		return nil, err
	}
	days, err := contents.Read(ctx, copied, contents.Options{Cluster: f.Report.Asked.Cluster, Node: f.Report.Asked.Node})
	f.addDays(days)
	return f, err
}

// From is the beginning of the period.
func (f *facts) From() time.Time { return f.Report.Asked.From }

// To is the end of the period, which is no part of it.
func (f *facts) To() time.Time { return f.Report.Asked.To }

// readRecords finds the settings and the heads. Of the copies of a record the last that can be read
// counts, as for the verification.
func (f *facts) readRecords(ctx context.Context, copied *archive.Bucket) error {
	var of archive.Key
	var last manifest.Entry
	for info, err := range copied.List(ctx, "manifests/") {
		if err != nil {
			return err
		}
		r, err := records.ReadEntry(ctx, copied, info.Key)
		if err != nil {
			return err
		}
		key, err := archive.ParseKey(info.Key)
		if r.Err != nil || err != nil {
			continue // a finding, or a name that no file of a pack has
		}
		if key.First() != of.First() {
			f.readRecord(of, &last)
		} else if key.Copy < of.Copy {
			continue
		}
		of, last = key, r
	}
	f.readRecord(of, &last)
	for _, s := range f.Setups {
		if p := s.Setup.Policy; p != nil && p.Text != "" {
			f.Policies[p.SHA256] = p.Text
		}
	}
	return nil
}

// readRecord takes a record. One of another key was read by no verification, nor is it in a rollup.
func (f *facts) readRecord(key archive.Key, r *manifest.Entry) {
	switch {
	case key.Kind == 0:
		return
	case archive.RecordKey(r.Cluster, r.Node, r.Point.Tree, r.Number, r.Epoch, r.Seq) != key.First().String():
		f.Faults = append(f.Faults, fmt.Sprintf("%s is the record of another key", key))
		return
	}
	f.Heads[fmt.Sprintf("%s/%s, tree %d", r.Cluster, r.Node, r.Point.Tree)] = *r
	if r.Setup == nil || !r.Time.Before(f.To()) {
		return
	}
	s := setup{*r, r.Time.Before(f.From())}
	if n := len(f.Setups) - 1; n >= 0 && s.Before && f.Setups[n].Cluster == s.Cluster && f.Setups[n].Node == s.Node {
		f.Setups = f.Setups[:n] // older ones do not count
	}
	f.Setups = append(f.Setups, s)
}

// readSums compares settings from before the period with the leaf hashes that the rollups of their
// days have: these records are not read by the verification.
func (f *facts) readSums(ctx context.Context, copied *archive.Bucket) error {
	for sum, err := range rollups.All(ctx, copied, f.Report.Asked.Cluster, f.Report.Asked.Node) {
		if err != nil {
			return err
		}
		for _, s := range f.Setups {
			r := sum.Rollup
			if r != nil && s.Cluster == r.Cluster && s.Node == r.Node && int64(s.Point.Tree) == r.Tree && r.From <= s.Number && s.Number <= r.To && r.Leaf(s.Number) != s.Leaf {
				f.Faults = append(f.Faults, fmt.Sprintf("the settings in record %d of %s/%s are not those that the rollup of %s sums up", s.Number, s.Cluster, s.Node, r.Day))
			}
		}
	}
	return nil
}

// addDays gives each node each day of the period.
func (f *facts) addDays(days []contents.Day) {
	byName := make(map[string]*node)
	for _, n := range f.Records.Nodes {
		byName[n.Cluster+"/"+n.Node] = &node{Node: n}
	}
	for _, x := range f.Records.Findings {
		if x.Kind == verify.KindNodeMissing {
			byName[x.Cluster+"/"+x.Node] = &node{Node: verify.Node{Cluster: x.Cluster, Node: x.Node}}
		}
	}
	known := make(map[string]contents.Day)
	for _, d := range days {
		name := d.Cluster + "/" + d.Node
		known[name+d.Day] = d
		for _, g := range d.Gaps {
			if g := (gap{name, g}); g.overlaps(f.From(), f.To()) {
				f.Gaps = append(f.Gaps, g)
			}
		}
	}
	findings := slices.Concat(f.Records.Findings, f.Report.Findings)
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		n := byName[name]
		n.Name, n.States, f.Nodes = name, map[string]int{}, append(f.Nodes, n)
		n.Setup = slices.ContainsFunc(f.Setups, func(s setup) bool { return s.Before && s.Cluster+"/"+s.Node == name })
		for at := f.From().UTC().Truncate(24 * time.Hour); at.Before(f.To()); at = at.AddDate(0, 0, 1) {
			d := day{Date: at.Format(time.DateOnly)}
			d.Sum = known[name+d.Date]
			end := at.AddDate(0, 0, 1)
			if end.After(f.To()) {
				end = f.To()
			}
			d.State = f.state(n, findings, d.Sum, at, end)
			n.States[d.State]++
			f.States[d.State]++
			f.NodeDays++
			n.Days = append(n.Days, d)
			n.Sum.Files, n.Sum.Lines, n.Sum.Bytes, n.Sum.Records = n.Sum.Files+d.Sum.Files, n.Sum.Lines+d.Sum.Lines, n.Sum.Bytes+d.Sum.Bytes, n.Sum.Records+d.Sum.Records
		}
	}
}

// state judges the day of a node; a day that is not known is never called complete.
func (f *facts) state(n *node, findings []verify.Finding, d contents.Day, from, to time.Time) string {
	found := func(x verify.Finding) bool {
		return (x.Node == "" || x.Cluster+"/"+x.Node == n.Name) && x.From.Before(to) && (x.To.IsZero() || !x.To.Before(from))
	}
	switch {
	case d.Records == 0 || !d.First.Before(to): // or all of it is after the end of the period
		return stateUnknown
	case slices.ContainsFunc(findings, found):
		return stateFinding
	case slices.ContainsFunc(f.Gaps, func(g gap) bool { return g.Node == n.Name && g.overlaps(from, to) }):
		return stateGap
	case n.Archived.Before(to):
		return stateOpen
	}
	return stateComplete
}

// overlaps says whether some of the gap may be in a time, or it was recorded then. Its end is known at
// the latest when it was recorded; if its beginning is not known, the end counts.
func (g gap) overlaps(from, to time.Time) bool {
	last := *cmp.Or(g.To, &g.Recorded)
	first := *cmp.Or(g.From, &last)
	return first.Before(to) && !last.Before(from) || !g.Recorded.Before(from) && g.Recorded.Before(to)
}

// judge writes the verdict: the worst that there is.
func (f *facts) judge() {
	for _, v := range []struct {
		is             bool
		level, verdict string
	}{
		{len(f.Faults) > 0, levelBad, "This pack contradicts itself"},
		{len(f.Records.Findings) > 0, levelBad, "Not proven: the records have findings"},
		{len(f.Report.Findings) > 0, levelBad, "Not proven: the archive had findings"},
		{f.Records.Empty, levelBad, "Nothing is proven: no record is about a file of the log"},
		{f.States[stateUnknown] > 0, levelWarn, "Part of this period is unknown"},
		{len(f.Gaps) > 0, levelWarn, "Proven, with recorded gaps"},
		{f.States[stateOpen] > 0, levelWarn, "Proven in part: the last lines were not archived yet"},
		{len(f.Keys) == 0, levelWarn, "Consistent, and not anchored by a key"},
		{true, levelGood, "Complete and unchanged, as far as this was checked"},
	} {
		if v.is {
			f.Level, f.Verdict = v.level, v.verdict
			return
		}
	}
}
