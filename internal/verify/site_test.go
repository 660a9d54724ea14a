package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	epochA = "20261122T120000a1b2c3"
	epochB = "20261123T120000b1b2c3"
)

var must = audittest.Must

// testKeys are the keys that were made, by node, number and the one that they replace.
var testKeys sync.Map

// testKey is a key of the node cp1, the same whenever it is asked for.
func testKey(n byte) *manifest.SigningKey { return testKeyFrom(n, 0) }

// testKeyFrom is a key of cp1 that takes over from another.
func testKeyFrom(n, from byte) *manifest.SigningKey { return keyOf("cp1", n, from) }

func keyOf(node string, n, from byte) *manifest.SigningKey {
	id := fmt.Sprint(node, n, from)
	if key, ok := testKeys.Load(id); ok {
		return key.(*manifest.SigningKey)
	}
	var old *manifest.SigningKey
	if from != 0 {
		old = keyOf(node, from, 0)
	}
	key, err := manifest.GenerateKey(manifest.KeyName("prod", node), old)
	if err != nil {
		panic(err)
	}
	first, _ := testKeys.LoadOrStore(id, key)
	return first.(*manifest.SigningKey)
}

// trusted are keys that a verifier is given.
func trusted(keys ...*manifest.SigningKey) (all []manifest.TrustedKey) {
	for _, key := range keys {
		all = append(all, manifest.TrustedKey{Vkey: key.Vkey})
	}
	return all
}

// site is an archive as a sidecar makes it: with the real converter and the
// real chain, and a clock of its own.
type site struct {
	t     testing.TB
	dir   string // of the archive
	state string // directory of the node
	node  string
	epoch string
	chain *manifest.Chain
	last  manifest.Head // of the last record that the chain sealed
	next  int64
	now   time.Time
	files [][]byte          // the originals, in order
	keys  map[string]string // of the records, by node, epoch and seq
	// spoilt is the object as the store damaged it before it stored a copy.
	spoilt []func([]byte) []byte
}

func newSite(t testing.TB, epoch string) *site {
	t.Helper()
	s := &site{t: t, dir: memoryDir(t), state: memoryDir(t), node: "cp1", now: noon, keys: map[string]string{}}
	s.open(epoch, manifest.BeginNew, manifest.Head{Tree: 1})
	return s
}

// memoryDir is a temporary directory in memory, where there is such a file
// system: fsync is nearly all of the time that making an archive takes.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "verify-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func (s *site) open(epoch string, why manifest.BeginReason, head manifest.Head) {
	s.t.Helper()
	var err error
	id := manifest.Identity{Cluster: "prod", Node: s.node, MachineID: "m", Epoch: epoch}
	s.chain, err = manifest.Open(durable.OS(), s.state, id, manifest.Begins{Reason: why, Detail: "test"}, head)
	must(s.t, err)
	s.epoch, s.next = epoch, 1
}

// begin starts an epoch that continues the tree.
func (s *site) begin(epoch string) {
	s.t.Helper()
	s.open(epoch, manifest.BeginStateLost, s.chain.StoredHead())
}

// beginTree starts an epoch with another tree.
func (s *site) beginTree(epoch string, tree int) {
	s.t.Helper()
	s.open(epoch, manifest.BeginStateLost, manifest.Head{})
	must(s.t, s.chain.Begin(tree, "the leaves are lost"))
}

// beginNode starts another node.
func (s *site) beginNode(node, epoch string) {
	s.t.Helper()
	s.node, s.state = node, memoryDir(s.t)
	s.open(epoch, manifest.BeginNew, manifest.Head{Tree: 1})
}

func (s *site) take() int64 { s.next++; return s.next - 1 }

// sign has the records from now on signed by a key, which takes over from
// another one or, with 0, from none.
func (s *site) sign(key, from byte) {
	s.t.Helper()
	k := keyOf(s.node, key, from)
	s.chain.SignWith(k)
	s.seal(manifest.Record{Kind: manifest.KindKey, Seq: s.take(), Key: k.Record()})
}

// seal seals a record a minute later and stores it.
func (s *site) seal(r manifest.Record) {
	s.t.Helper()
	s.now = s.now.Add(time.Minute)
	r.Time = manifest.At(s.now)
	sealed, err := s.chain.Seal(r)
	must(s.t, err)
	data, err := os.ReadFile(sealed.Path)
	must(s.t, err)
	s.last = sealed.Head
	s.keys[s.id(sealed.Seq)] = s.keyOf(sealed.Head)
	s.store(s.keyOf(sealed.Head), data)
	must(s.t, s.chain.Keep(sealed))
	must(s.t, s.chain.Remove(sealed))
}

func (s *site) id(seq int64) string { return fmt.Sprint(s.node, s.epoch, seq) }

func (s *site) keyOf(h manifest.Head) string {
	return archive.RecordKey("prod", s.node, h.Tree, h.Number, h.Epoch, h.Seq)
}

// store stores an object, perhaps as a copy, and returns its key.
func (s *site) store(key string, data []byte) string {
	s.t.Helper()
	for _, spoil := range s.spoilt {
		s.write(key, spoil(data))
		key = archive.NextCopy(key)
	}
	s.write(key, data)
	return key
}

func (s *site) path(key string) string { return filepath.Join(s.dir, filepath.FromSlash(key)) }

func (s *site) write(key string, data []byte) {
	s.t.Helper()
	must(s.t, os.MkdirAll(filepath.Dir(s.path(key)), 0o755))
	must(s.t, os.WriteFile(s.path(key), data, 0o644))
	must(s.t, os.Chtimes(s.path(key), s.now, s.now))
}

func (s *site) read(key string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.path(key))
	must(s.t, err)
	return data
}

// event is a line of a log at a time.
func event(n int, at time.Time) string {
	stamp := at.UTC().Format("2006-01-02T15:04:05.000000Z")
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%08d","stage":"ResponseComplete",`+
		`"requestURI":"/api/v1/namespaces/default/pods/%d","verb":"get","user":{"username":"u"},"sourceIPs":["10.0.0.1"],`+
		`"requestReceivedTimestamp":"%s","stageTimestamp":"%s"}`+"\n", n, n, stamp, stamp)
}

// log is some lines of a log.
func (s *site) log(lines int) []byte {
	var b strings.Builder
	for i := range lines {
		b.WriteString(event(len(s.files)*1000+i, s.now.Add(time.Duration(i)*time.Millisecond)))
	}
	return []byte(b.String())
}

// file archives a log, and returns the number of its record.
func (s *site) file(log []byte) int64 {
	s.t.Helper()
	return s.archive(s.take(), log)
}

func (s *site) archive(seq int64, log []byte) int64 {
	s.t.Helper()
	return s.archiveAs(seq, catalog.ID{Epoch: s.epoch, Seq: seq}, log)
}

// archiveAs archives a log as objects that are numbered by of.
func (s *site) archiveAs(seq int64, of catalog.ID, log []byte) int64 {
	s.t.Helper()
	s.seal(s.convert(seq, of, log))
	s.files = append(s.files, log)
	return seq
}

// forge stores the objects of a log and no record, and returns the key of the first.
func (s *site) forge(epoch string, seq int64, log []byte) string {
	s.t.Helper()
	return s.convert(seq, catalog.ID{Epoch: epoch, Seq: seq}, log).Objects[0].Key
}

// convert stores the objects of a log and returns its record.
func (s *site) convert(seq int64, of catalog.ID, log []byte) manifest.Record {
	s.t.Helper()
	rotated := s.now.Add(30 * time.Second)
	meta := parquet.Meta{Cluster: "prod", Node: s.node, Epoch: of.Epoch, Seq: of.Seq, SourceName: "audit-" + rotated.Format(archive.RotatedLayout) + ".log", Rotated: rotated}
	result, err := parquet.Convert(s.t.Context(), bytes.NewReader(log), int64(len(log)), parquet.Config{Dir: memoryDir(s.t), Root: true, Meta: meta})
	must(s.t, err)
	r := manifest.Record{Kind: manifest.KindFile, Seq: seq, Source: &manifest.Source{
		Name: meta.SourceName, Inode: uint64(seq), Size: result.Bytes, Lines: result.Lines, SHA256: hex.EncodeToString(result.SHA256[:]),
		MerkleRoot: hex.EncodeToString(result.Root[:]), FinalNewline: result.FinalNewline,
		First: manifest.At(result.First), Last: manifest.At(result.Last), Rotated: manifest.At(rotated),
	}}
	for _, o := range result.Objects {
		key := archive.DataKey("prod", o.Day, rotated.Format(archive.RotatedLayout), s.node, of.Epoch, of.Seq)
		data, err := os.ReadFile(o.Path)
		must(s.t, err)
		key = s.store(key, data)
		r.Objects = append(r.Objects, manifest.Object{Key: key, Size: o.Size, SHA256: o.SHA256, Rows: o.Rows})
	}
	return r
}

// heartbeat has seen so much of a file that will have a number.
func (s *site) heartbeat(seq int64, beginning []byte) {
	s.t.Helper()
	h := &manifest.Heartbeat{Every: 3600}
	if beginning != nil {
		sum := sha256.Sum256(beginning)
		h.Open = &manifest.OpenFile{Name: "audit.log", Seq: seq, Inode: uint64(seq), Size: int64(len(beginning)),
			Lines: int64(bytes.Count(beginning, []byte("\n"))), SHA256: hex.EncodeToString(sum[:])}
	}
	s.seal(manifest.Record{Kind: manifest.KindHeartbeat, Seq: s.take(), Heartbeat: h})
}

func (s *site) gap(reason continuity.Reason) {
	s.t.Helper()
	s.seal(manifest.Record{Kind: manifest.KindGap, Seq: s.take(), Gaps: []manifest.Gap{{Reason: reason, Bytes: 100,
		From: manifest.At(s.now.Add(-time.Minute)), To: manifest.At(s.now), File: "audit.log", Detail: "a gap"}}})
}

// record and data are the keys of the record of a number and of its object. A record
// that is not there would have its seq as its number.
func (s *site) record(seq int64) string {
	if key, ok := s.keys[s.id(seq)]; ok {
		return key
	}
	return archive.RecordKey("prod", s.node, 1, seq, s.epoch, seq)
}

func (s *site) data(seq int64) string {
	s.t.Helper()
	for _, o := range s.decode(seq).Objects {
		return o.Key
	}
	s.t.Fatalf("record %d has no object", seq)
	return ""
}

func (s *site) decode(seq int64) manifest.Record {
	s.t.Helper()
	r, err := manifest.Decode(s.read(s.record(seq)))
	must(s.t, err)
	return r
}

func (s *site) swap(a, b string) {
	s.t.Helper()
	x, y := s.read(a), s.read(b)
	s.write(a, y)
	s.write(b, x)
}

func (s *site) remove(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		must(s.t, os.Remove(s.path(key)))
	}
}

// rewrite acts as an attacker who can write all of the archive: it changes
// the records of the epoch, which are all of the tree, makes the tree again, and signs
// it with a key of its own, or not at all.
func (s *site) rewrite(key *manifest.SigningKey, edit func([]manifest.Record) []manifest.Record) {
	s.t.Helper()
	s.rewriteWith(func(int64) *manifest.SigningKey { return key }, edit)
}

// rewriteWith is rewrite with a key for each number.
func (s *site) rewriteWith(key func(number int64) *manifest.SigningKey, edit func([]manifest.Record) []manifest.Record) {
	s.t.Helper()
	var records []manifest.Record
	for seq := int64(1); seq < s.next; seq++ {
		r := s.decode(seq)
		s.remove(s.record(seq))
		records = append(records, r)
	}
	records = edit(records)
	c, err := manifest.Open(durable.OS(), memoryDir(s.t), records[0].Identity, manifest.Begins{Reason: manifest.BeginNew}, manifest.Head{Tree: 1})
	must(s.t, err)
	for i, r := range records {
		c.SignWith(key(int64(i + 1)))
		sealed, err := c.Seal(r)
		must(s.t, err)
		data, err := os.ReadFile(sealed.Path)
		must(s.t, err)
		s.keys[s.id(r.Seq)] = s.keyOf(sealed.Head)
		s.write(s.record(r.Seq), data)
	}
}

// unstep removes the mark of a clock that was set back, which Seal makes, from the last
// record, and mends its checkpoint as an attacker would.
func (s *site) unstep(seq int64) {
	s.t.Helper()
	var tree manifest.Tree
	for n := int64(1); n < seq; n++ {
		tree = tree.With(manifest.Read(s.read(s.record(n))).Leaf)
	}
	r := s.decode(seq)
	r.ClockStepped = false
	data, err := manifest.Encode(r)
	must(s.t, err)
	root := tree.With(manifest.Read(data).Leaf).Root()
	r.Checkpoint = fmt.Sprintf("%s\n%d\n%s\n\n", manifest.Origin("prod", s.node, 1), seq, base64.StdEncoding.EncodeToString(root[:]))
	data, err = manifest.Encode(r)
	must(s.t, err)
	s.write(s.record(seq), data)
}

func (s *site) verify(opt Options) *Report {
	s.t.Helper()
	opt.Now = s.now
	report, err := Run(s.t.Context(), s.bucket(), opt)
	must(s.t, err)
	return report
}

// kinds is findings in short, each kind with the numbers of records, or else of files.
func kinds(r *Report) string {
	var all []string
	for _, f := range r.Findings {
		s := string(f.Kind)
		switch {
		case f.Number > 0:
			s += fmt.Sprintf(" %d", f.Number)
		case f.Seq > 0:
			s += fmt.Sprintf(" %d", f.Seq)
		}
		if f.Last > f.Number {
			s += fmt.Sprintf("-%d", f.Last)
		}
		if f.Lines != nil {
			s += fmt.Sprintf(" lines %d-%d", f.Lines.From, f.Lines.To)
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// names says whether a finding names an object.
func names(r *Report, key string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Object == key })
}
