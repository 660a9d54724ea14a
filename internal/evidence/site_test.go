package evidence

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

var (
	must  = audittest.Must
	first = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
)

// site is an archive with real objects, records and rollups, of some nodes.
type site struct {
	t    testing.TB
	dir  string
	keys []manifest.TrustedKey
}

// writer archives as one node does.
type writer struct {
	*site
	node   string
	key    *manifest.SigningKey
	chain  *manifest.Chain
	seq    int64
	before manifest.Tree
	sum    *manifest.Rollup
}

const epoch = "20260301T000000a1b2c3"

func newSite(t testing.TB) *site {
	t.Helper()
	return &site{t: t, dir: memoryDir(t)}
}

// memoryDir is a temporary directory in memory, where there is such a file system.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "evidence-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// small is an archive of two days of one node.
func small(t testing.TB) *site {
	t.Helper()
	s := newSite(t)
	w := s.begin("cp1")
	w.setup(first, "policy\n")
	w.day(0)
	w.day(1)
	return s
}

func (s *site) begin(node string) *writer {
	s.t.Helper()
	chain, err := manifest.Open(durable.OS(), memoryDir(s.t), manifest.Identity{Cluster: "prod", Node: node, MachineID: "m", Epoch: epoch}, manifest.Begins{Reason: manifest.BeginNew}, manifest.Head{Tree: 1})
	must(s.t, err)
	key, err := manifest.GenerateKey(manifest.KeyName("prod", node), nil)
	must(s.t, err)
	s.keys = append(s.keys, manifest.TrustedKey{Vkey: key.Vkey})
	chain.SignWith(key)
	return &writer{site: s, node: node, key: key, chain: chain}
}

func (s *site) write(key string, data []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(key))
	must(s.t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)))
}

// seal stores a record, and before the first one of a day the rollup of the day before.
func (w *writer) seal(at time.Time, r manifest.Record) {
	w.t.Helper()
	w.seq++
	r.Seq, r.Time = w.seq, manifest.At(at)
	sealed, err := w.chain.Seal(r)
	must(w.t, err)
	data, err := os.ReadFile(sealed.Path)
	must(w.t, err)
	e := manifest.Read(data)
	must(w.t, errors.Join(e.Err, w.chain.Keep(sealed), w.chain.Remove(sealed)))
	if w.sum != nil && manifest.DayOf(e.Time) != w.sum.Day {
		asJSON, columns, err := w.sum.Seal(w.key)
		must(w.t, err)
		w.write(archive.RollupKey("prod", w.node, 1, w.sum.Day, "parquet"), columns)
		w.write(archive.RollupKey("prod", w.node, 1, w.sum.Day, "json"), asJSON)
		w.sum = nil
	}
	if w.sum == nil {
		w.sum = manifest.NewRollup("prod", w.node, 1, w.before)
	}
	w.sum.Add(&e)
	w.before = w.before.With(e.Leaf)
	w.write(archive.RecordKey("prod", w.node, 1, e.Number, epoch, e.Seq), data)
}

// file archives a log of some lines of the hour before.
func (w *writer) file(at time.Time, lines int) {
	w.t.Helper()
	var log strings.Builder
	for i := range lines {
		stamp := at.Add(time.Duration(i-lines) * time.Second).Format("2006-01-02T15:04:05.000000Z")
		fmt.Fprintf(&log, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%d-%d","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"},"requestReceivedTimestamp":"%s","stageTimestamp":"%s"}`+"\n", w.seq, i, stamp, stamp)
	}
	meta := parquet.Meta{Cluster: "prod", Node: w.node, Epoch: epoch, Seq: w.seq + 1, SourceName: "audit-" + at.Format(archive.RotatedLayout) + ".log", Rotated: at}
	result, err := parquet.Convert(w.t.Context(), strings.NewReader(log.String()), int64(log.Len()), parquet.Config{Dir: memoryDir(w.t), Root: true, Meta: meta})
	must(w.t, err)
	r := manifest.Record{Kind: manifest.KindFile, Source: &manifest.Source{Name: meta.SourceName, Inode: uint64(w.seq), Size: result.Bytes, Lines: result.Lines,
		SHA256: hex.EncodeToString(result.SHA256[:]), MerkleRoot: hex.EncodeToString(result.Root[:]), FinalNewline: true,
		First: manifest.At(result.First), Last: manifest.At(result.Last), Rotated: manifest.At(at)},
		Counts: manifest.Counts{Levels: map[string]int64{"Metadata": result.Lines}, Stages: map[string]int64{"ResponseComplete": result.Lines}}}
	for _, o := range result.Objects {
		key := archive.DataKey("prod", o.Day, at.Format(archive.RotatedLayout), w.node, epoch, w.seq+1)
		data, err := os.ReadFile(o.Path)
		must(w.t, err)
		w.write(key, data)
		r.Objects = append(r.Objects, manifest.Object{Key: key, Size: o.Size, SHA256: o.SHA256, Rows: o.Rows})
	}
	w.seal(at, r)
}

func (w *writer) setup(at time.Time, policy string) {
	w.t.Helper()
	s := &manifest.Setup{Sidecar: "v1.0.0", Server: "v1.36.2", Policy: manifest.NewDocument([]byte(policy))}
	s.SetFlag("audit-log-maxsize", "100")
	w.seal(at, manifest.Record{Kind: manifest.KindSetup, Setup: s})
}

func (w *writer) heartbeat(at time.Time) {
	w.t.Helper()
	w.seal(at, manifest.Record{Kind: manifest.KindHeartbeat, Heartbeat: &manifest.Heartbeat{Every: 3600}})
}

// day is an ordinary day: a file and a heartbeat.
func (w *writer) day(day int) {
	w.t.Helper()
	at := first.AddDate(0, 0, day)
	w.file(at.Add(6*time.Hour), 40)
	w.heartbeat(at.Add(23*time.Hour + 30*time.Minute))
}

// ordinary is an archive of nine days of two nodes: cp1 has a gap on the fifth, cp2 begins
// on the second and has no record of the sixth.
func ordinary(t testing.TB) *site {
	t.Helper()
	s := newSite(t)
	one, two := s.begin("cp1"), s.begin("cp2")
	one.seal(first.Add(time.Minute), manifest.Record{Kind: manifest.KindKey, Key: one.key.Record()})
	one.setup(first.Add(2*time.Minute), "policy: before\n")
	for day := range 9 {
		at := first.AddDate(0, 0, day)
		if day == 3 {
			one.setup(at.Add(time.Hour), "policy: now\n")
		}
		if day == 4 {
			one.seal(at.Add(time.Hour), manifest.Record{Kind: manifest.KindGap, Gaps: []manifest.Gap{{Reason: continuity.ReasonPruned, Bytes: 4096,
				From: manifest.At(at), To: manifest.At(at.Add(time.Hour)), File: "audit-x.log", Detail: "<pruned>"}}})
		}
		one.day(day)
		switch day {
		case 0, 5:
		case 1:
			two.seal(at.Add(time.Minute), manifest.Record{Kind: manifest.KindKey, Key: two.key.Record()})
			fallthrough
		default:
			two.day(day)
		}
	}
	return s
}

func (s *site) bucket() *archive.Bucket {
	s.t.Helper()
	b, err := archive.Open(s.t.Context(), s.dir, archive.S3Config{})
	must(s.t, err)
	return b
}

// make makes a pack of some days.
func (s *site) make(from, to int, change func(*Options)) (dir string, pack *Pack) {
	s.t.Helper()
	verifier := filepath.Join(s.t.TempDir(), "verifier")
	must(s.t, os.WriteFile(verifier, bytes.Repeat([]byte("verifier "), 100), 0o700))
	opt := Options{Program: "auditsidecar v1.2.3", Verifier: verifier, Note: func(text string) { s.t.Log(text) }}
	opt.Verify.From, opt.Verify.To, opt.Verify.Keys, opt.Verify.Now = first.AddDate(0, 0, from), first.AddDate(0, 0, to), s.keys, first.AddDate(0, 0, 9)
	if change != nil {
		change(&opt)
	}
	dir = filepath.Join(memoryDir(s.t), "pack")
	pack, err := Make(s.t.Context(), s.bucket(), dir, opt)
	must(s.t, err)
	return dir, pack
}
