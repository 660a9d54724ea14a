package verify

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// stateVersion is that of the state file, whose format is docs/spec/state.md.
const stateVersion = 1

// State is the result of earlier verifications that one trusts: the heads of trees without a
// finding about their records.
type State struct {
	Version int       `json:"version"`
	Archive string    `json:"archive"`
	Time    time.Time `json:"time"`
	// Objects says that the objects of all records were checked, too.
	Objects bool `json:"objects"`
	// Keys are the public keys that were given, each with its first and last number.
	Keys  []string  `json:"keys,omitempty"`
	Trees []Trusted `json:"trees"`
	// Findings are those about objects, which are found again until all is read again.
	Findings []Finding `json:"findings,omitempty"`
}

// Trusted is the head of a tree, and the values that checks of later records need. Its fields
// are those of the file.
type Trusted struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
	Leaf   string `json:"leaf"` // hash of the last record
	// Range are the hashes of the perfect subtrees, from left to right.
	Range []string `json:"range"`
	// Key is in force, Replaced are those before it.
	Key      string   `json:"key,omitempty"`
	Replaced []string `json:"replaced,omitempty"`
	// Epoch, Seq, MachineID and Time are the last record's.
	Epoch     string         `json:"epoch"`
	Seq       int64          `json:"seq"`
	MachineID string         `json:"machineID"`
	Time      manifest.Stamp `json:"time"`
	// Highest is the greatest seq of the epoch.
	Highest int64 `json:"highest"`
	// Files counts the files, Archived is the end of the last.
	Files    int64          `json:"files"`
	Archived manifest.Stamp `json:"archived,omitzero"`
	// Pending are numbers of the epoch that may still get a record.
	Pending []int64 `json:"pending,omitempty"`
	// Heartbeats are the last one, and those that saw a file without a record.
	Heartbeats []Heard `json:"heartbeats,omitempty"`
}

// Heard is a heartbeat.
type Heard struct {
	Number    int64              `json:"number"`
	Seq       int64              `json:"seq"`
	Time      manifest.Stamp     `json:"time"`
	Heartbeat manifest.Heartbeat `json:"heartbeat"`
	// Unrecorded says that the file that it saw open had no record.
	Unrecorded bool `json:"unrecorded,omitempty"`
	// Gained are the lines of the files after it, Uncounted that a gap hides some.
	Gained    int64 `json:"gained,omitempty"`
	Uncounted bool  `json:"uncounted,omitempty"`
}

// ReadState reads the state of an archive; an empty one if there is no such file.
func ReadState(path, archive string) (*State, error) {
	s := &State{Version: stateVersion, Archive: archive}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = s.decode(data, archive)
	}
	if err != nil {
		return nil, fmt.Errorf("read the state file %s: %w", path, err)
	}
	return s, nil
}

func (s *State) decode(data []byte, archive string) error {
	if err := json.Unmarshal(data, s); err != nil {
		return fmt.Errorf("not a state file of verify: %w", err)
	}
	switch {
	case s.Version != stateVersion:
		return fmt.Errorf("version %d; this program knows version %d", s.Version, stateVersion)
	case s.Archive != archive:
		return fmt.Errorf("it is of the archive %q, not of %q: give each archive a state file of its own", s.Archive, archive)
	}
	for i := range s.Trees {
		t := &s.Trees[i]
		_, _, _, err := splitOrigin(t.Origin)
		tree, terr := t.tree()
		_, leaf := parseHash(t.Leaf)
		if err != nil || terr != nil || !leaf || tree.Root().String() != t.Root || t.Size < 1 {
			return fmt.Errorf("the head of %q does not fit its range", t.Origin)
		}
	}
	return nil
}

// Encode returns the content of the state file.
func (s *State) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	return append(data, '\n'), nil
}

// splitOrigin is the inverse of [manifest.Origin].
func splitOrigin(origin string) (cluster, node string, tree int, err error) {
	parts := strings.Split(origin, "/")
	tree = 1
	if len(parts) == 4 {
		tree, err = strconv.Atoi(parts[3])
	}
	if err != nil || len(parts) < 3 || manifest.Origin(parts[1], parts[2], tree) != origin {
		return "", "", 0, fmt.Errorf("origin %q", origin)
	}
	return parts[1], parts[2], tree, errors.Join(archive.CheckName("cluster", parts[1]), archive.CheckName("node", parts[2]))
}

// tree is the trusted tree of an origin; nil if there is no such tree.
func (s *State) tree(origin string) *Trusted {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.Trees, func(t Trusted) bool { return t.Origin == origin })
	if i < 0 {
		return nil
	}
	return &s.Trees[i]
}

func (b *Trusted) tree() (manifest.Tree, error) {
	var hashes []manifest.Hash
	for _, text := range b.Range {
		hash, ok := parseHash(text)
		if !ok {
			return manifest.Tree{}, fmt.Errorf("hash %q", text)
		}
		hashes = append(hashes, hash)
	}
	return manifest.TreeOf(b.Size, hashes)
}

// is says whether a record is the one that the trusted tree ends with.
func (b *Trusted) is(e *manifest.Entry) bool {
	return e.Leaf.String() == b.Leaf && e.Point.Root.String() == b.Root
}

// begin takes the trees that the state file trusts. All records are read again if the
// state vouches for less than is asked for.
func (v *verification) begin() {
	s, opt := v.opt.State, &v.opt
	if s == nil {
		return
	}
	v.incremental = !opt.Deep && opt.From.IsZero() && len(opt.ExpectHeads) == 0 && opt.event == nil &&
		(opt.ChainOnly || s.Objects) && slices.Equal(s.Keys, opt.keyTexts())
	for i := range s.Trees {
		cluster, node, tree, _ := splitOrigin(s.Trees[i].Origin) // decode has checked it
		if (opt.Cluster == "" || opt.Cluster == cluster) && (opt.Node == "" || opt.Node == node) {
			t := v.log(cluster, node).tree(tree, v)
			if prefix := archive.TreePrefix(cluster, node, tree); t.resumed {
				v.resumeAt[prefix] = archive.NumberPrefix(cluster, node, tree, t.base.Size)
			}
		}
	}
	switch {
	case len(s.Trees) == 0:
		v.found.note("the state file has no head yet: every record was read")
	case v.incremental:
		v.found.find(s.Findings...)
		v.found.leaveOut("records that were trusted at %s, and their objects, were not read again; --deep or --from reads all", stamp(s.Time))
	}
}

func (opt *Options) keyTexts() (all []string) {
	for _, key := range opt.Keys {
		all = append(all, fmt.Sprintf("%s from %d until %d", key.Vkey, key.From, key.Until))
	}
	slices.Sort(all)
	return all
}

// resume begins the checks behind the trusted head.
func (t *tree) resume() {
	b := t.base
	t.files, t.archived, t.resumed, t.next, t.summary.Trusted = b.Files, b.Archived.Time, true, b.Size+1, b.Size
	t.at, _ = b.tree() // decode has checked it
	t.trust.Current, t.trust.Replaced = b.Key, slices.Clone(b.Replaced)
	e := t.log.epoch(b.Epoch)
	e.base, e.trees = b, append(e.trees, t)
	record := func(kind manifest.Kind, number, seq int64, at manifest.Stamp) *record {
		id := manifest.Identity{Cluster: t.log.cluster, Node: t.log.node, MachineID: b.MachineID, Epoch: b.Epoch}
		r := &record{Entry: &manifest.Entry{Record: manifest.Record{Kind: kind, Identity: id, Seq: seq, Number: number, Time: at}}}
		r.Point.Tree = t.number
		e.records = append(e.records, r)
		return r
	}
	for i := range b.Heartbeats {
		h := &b.Heartbeats[i]
		r := record(manifest.KindHeartbeat, h.Number, h.Seq, h.Time)
		r.Heartbeat, r.kept = &h.Heartbeat, h
	}
	t.last = record(kindTrusted, b.Size, b.Seq, b.Time)
	t.last.Leaf, _ = parseHash(b.Leaf)
	t.last.Point.Root, _ = parseHash(b.Root)
}

// confirm compares the record that the trusted tree ends with.
func (t *tree) confirm(found *findings) {
	if u := &t.here; u.entry != nil && t.base.is(u.entry) && (t.resumed || u.fits) {
		t.confirmed = true
		return
	}
	t.refuse(found, "the archive has another record with that number, or another history before it")
	t.confirmed = true // it is reported
}

func (t *tree) refuse(found *findings, why string) {
	f := t.about(KindNotDescendant, t.base.Size, fmt.Sprintf("the state file trusts record %d with the root %s, of %s: %s: the archive was rolled back or replaced",
		t.base.Size, t.base.Root, stamp(t.base.Time.Time), why))
	f.From, f.Epoch, f.Seq = t.base.Time.Time, t.base.Epoch, t.base.Seq
	found.find(f)
}

// resumeAt has the keys behind which the records of trusted trees are listed, by the
// prefixes of the trees. The last trusted record is read again.
type resumeAt map[string]string

func (r resumeAt) after(name string) string {
	tree := strings.LastIndexByte(name, '/') + len("/0001-")
	return r[name[:min(tree, len(name))]]
}

// isTrusted says whether an object belongs to a record that is not read again.
func (v *verification) isTrusted(name string, key archive.Key) bool {
	if !v.incremental || key.Kind == archive.KindManifest || v.named[name] {
		return false
	}
	l := v.byName[[2]string{key.Cluster, key.Node}]
	if l == nil {
		return false
	}
	for _, t := range l.trees {
		if b := t.base; b != nil && (key.Epoch < b.Epoch || key.Epoch == b.Epoch && key.Seq <= b.Highest && !slices.Contains(b.Pending, key.Seq)) {
			return true
		}
	}
	return false
}

// aboutRecords says whether a finding is about records, so that no head is trusted.
func (f *Finding) aboutRecords() bool {
	switch f.Kind {
	case KindObjectMissing, KindObjectChanged, KindObjectMislabeled, KindObjectUnrecorded, KindObjectUnreadable, KindIncrementBroken,
		KindFileShorter, KindSourceMismatch, KindLogEdited, KindCountMismatch, KindRollupInvalid, KindVersionHidden, KindVersionDeleted:
		return false
	}
	return true
}

// keepState makes the state that the next run may trust, if no finding is about records.
func (v *verification) keepState() {
	old, report := v.opt.State, &v.found.report
	if old == nil || slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.aboutRecords() }) || report.Omitted > 0 {
		return
	}
	s := &State{Version: stateVersion, Archive: old.Archive, Time: v.opt.now().UTC(), Objects: !v.opt.ChainOnly, Keys: v.opt.keyTexts(), Trees: []Trusted{}}
	for _, f := range report.Findings {
		if f.Kind != KindVersionHidden && f.Kind != KindVersionDeleted { // found each time
			s.Findings = append(s.Findings, f)
		}
	}
	for r := range v.files() {
		base := old.tree(manifest.Origin(r.Cluster, r.Node, r.Point.Tree))
		if !v.opt.overlaps(r.span()) && (base == nil || !old.Objects || r.Number > base.Size) {
			s.Objects = false
		}
	}
	have := map[string]Trusted{}
	for _, t := range old.Trees {
		have[t.Origin] = t
	}
	for _, l := range v.logs {
		for _, t := range l.trees {
			if t.last != nil && t.last.Kind != kindTrusted {
				have[t.String()] = t.trusted()
			}
		}
	}
	for _, origin := range slices.Sorted(maps.Keys(have)) {
		s.Trees = append(s.Trees, have[origin])
	}
	report.state = s
}

// trusted is the part of a tree that the next run may trust.
func (t *tree) trusted() Trusted {
	last := t.last
	b := Trusted{Origin: t.String(), Size: last.Number, Root: last.Point.Root.String(), Leaf: last.Leaf.String(), Key: t.trust.Current, Replaced: t.trust.Replaced,
		Epoch: last.Epoch, Seq: last.Seq, Highest: t.log.epoch(last.Epoch).head, MachineID: last.MachineID, Time: last.Time, Files: t.files, Archived: manifest.At(t.archived)}
	for _, hash := range t.at.Hashes() {
		b.Range = append(b.Range, hash.String())
	}
	e := t.log.epoch(last.Epoch)
	b.Pending = slices.Sorted(maps.Keys(e.pending))
	beat, counted := false, false // a later one was kept
	for _, r := range slices.Backward(e.records) {
		if r.Heartbeat == nil || len(b.Heartbeats) > maxHeard {
			continue
		}
		server, unseen := r.Heartbeat.Server != nil && !counted, r.Heartbeat.Open != nil && e.fileOf(r) == nil && (r.kept == nil || r.kept.Unrecorded)
		if beat && !server && !unseen {
			continue
		}
		h := Heard{Number: r.Number, Seq: r.Seq, Time: r.Time, Heartbeat: *r.Heartbeat, Unrecorded: unseen}
		h.Gained = e.linesUntil(endOfTime()) - e.linesUntil(r.Time.Time)
		h.Uncounted = e.gaps.overlap(r.Time.Time, endOfTime())
		if r.kept != nil {
			h.Gained, h.Uncounted = h.Gained+r.kept.Gained, h.Uncounted || r.kept.Uncounted
		}
		b.Heartbeats = append(b.Heartbeats, h)
		beat, counted = true, counted || r.Heartbeat.Server != nil
	}
	slices.Reverse(b.Heartbeats)
	return b
}

// maxHeard bounds the heartbeats in a state file.
const maxHeard = 64

// parseHash is the inverse of [manifest.Hash.String].
func parseHash(s string) (h manifest.Hash, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, false
	}
	copy(h[:], b)
	return h, h.String() == s // no capitals
}
