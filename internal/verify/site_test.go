package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func publicOf(n byte) ed25519.PublicKey { return testKey(n).Public().(ed25519.PublicKey) }

// site is an archive as a sidecar makes it: with the real converter and the
// real chain, and a clock of its own.
type site struct {
	t     testing.TB
	dir   string // of the archive
	node  string
	epoch string
	chain *manifest.Chain
	next  int64
	now   time.Time
	files [][]byte // the originals, in order
	// spoilt is what the store made of an object before it stored a copy.
	spoilt []func([]byte) []byte
}

func newSite(t testing.TB, epoch string) *site {
	t.Helper()
	s := &site{t: t, dir: memoryDir(t), node: "cp1", now: noon}
	s.begin(epoch)
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

// begin starts an epoch.
func (s *site) begin(epoch string) {
	s.t.Helper()
	var err error
	s.chain, err = manifest.Open(durable.OS(), memoryDir(s.t), manifest.Identity{Cluster: "prod", Node: s.node, MachineID: "m", Epoch: epoch}, manifest.Head{})
	must(s.t, err)
	s.epoch, s.next = epoch, 1
}

func (s *site) take() int64 { s.next++; return s.next - 1 }

// sign has the records from now on signed by a key, which takes over from
// another one or, with 0, from none.
func (s *site) sign(key, from byte) {
	s.t.Helper()
	s.chain.SignWith(testKey(key))
	k := manifest.SigningKey{Private: testKey(key)}
	if from != 0 {
		e := manifest.Endorse(testKey(from), publicOf(key))
		k.Endorsement = &e
	}
	s.seal(manifest.Record{Kind: manifest.KindKey, Seq: s.take(), Key: k.Record()})
}

// seal seals a record a minute later and stores it.
func (s *site) seal(r manifest.Record) {
	s.t.Helper()
	s.now = s.now.Add(time.Minute)
	r.Time = manifest.At(s.now)
	sealed, err := s.chain.Seal(r)
	must(s.t, err)
	data, err := s.chain.Bytes(sealed.Seq)
	must(s.t, err)
	s.store(archive.ManifestKey("prod", s.node, s.epoch, sealed.Seq), data)
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
	s.files = append(s.files, log)
	s.seal(r)
	return seq
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

// record and data are the keys of the record of a number and of its object.
func (s *site) record(seq int64) string { return archive.ManifestKey("prod", s.node, s.epoch, seq) }

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

// rewrite does what somebody does who can write all of the archive: it changes
// the records, given in the order of the chain, links them anew, and signs
// them with a key of its own, or not at all.
func (s *site) rewrite(key ed25519.PrivateKey, edit func([]manifest.Record) []manifest.Record) {
	s.t.Helper()
	var records []manifest.Record
	for seq := int64(1); seq < s.next; seq++ {
		r := s.decode(seq)
		s.remove(s.record(seq))
		records = append(records, r)
	}
	records = edit(records)
	c, err := manifest.Open(durable.OS(), memoryDir(s.t), records[0].Identity, manifest.Head{})
	must(s.t, err)
	c.SignWith(key)
	for _, r := range records {
		r.KeyID, r.Signature = "", ""
		sealed, err := c.Seal(r)
		must(s.t, err)
		data, err := c.Bytes(sealed.Seq)
		must(s.t, err)
		s.write(s.record(r.Seq), data)
	}
}

func (s *site) head() string { return s.chain.Head().SHA256 }

func (s *site) verify(opt Options) *Report {
	s.t.Helper()
	report, err := Run(s.t.Context(), s.bucket(), opt)
	must(s.t, err)
	return report
}

// kinds is findings in short, each kind with the numbers of records.
func kinds(r *Report) string {
	var all []string
	for _, f := range r.Findings {
		s := string(f.Kind)
		if f.Seq > 0 {
			s += fmt.Sprintf(" %d", f.Seq)
		}
		if f.Last > f.Seq {
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
