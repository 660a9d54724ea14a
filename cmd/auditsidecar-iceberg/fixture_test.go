package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

var must = audittest.Must

const epoch = "20261120T060000a1b2c3"

// site is an archive in a directory, and beside it a SQL catalog and the table's directory.
type site struct {
	t    testing.TB
	dir  string
	last map[string]int64 // number of the last record, by node
	keys []string         // of objects that records name
	// rest is the URL of a REST catalog, and space the namespace of the table there.
	rest, space string
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), last: map[string]int64{}}
	must(t, errors.Join(os.Mkdir(s.archive(), 0o700), os.Mkdir(s.warehouse(), 0o700)))
	return s
}

func (s *site) archive() string   { return filepath.Join(s.dir, "archive") }
func (s *site) warehouse() string { return filepath.Join(s.dir, "warehouse") }

// properties are those of the catalog.
func (s *site) properties() iceberg.Properties {
	if s.rest != "" {
		return iceberg.Properties{"type": "rest", "uri": s.rest}
	}
	return iceberg.Properties{"type": "sql", "sql.driver": "sqlite", "sql.dialect": "sqlite", "uri": s.uri()}
}

// table is its name.
func (s *site) table() string { return cmp.Or(s.space, "audit") + ".audit_events" }

// args are those of the command.
func (s *site) args(more ...string) []string {
	args := []string{s.archive(), "--table", s.table(), "--table-location", "file://" + s.warehouse()}
	for key, value := range s.properties() {
		if key == "type" {
			args = append(args, "--catalog", value)
			continue
		}
		args = append(args, "--catalog-property", key+"="+value)
	}
	return append(args, more...)
}

func (s *site) uri() string {
	return "file:" + filepath.Join(s.dir, "catalog.db") + "?_pragma=busy_timeout(20000)"
}

func (s *site) write(key string, content []byte) {
	s.t.Helper()
	path := filepath.Join(s.archive(), filepath.FromSlash(key))
	must(s.t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)))
}

// record stores the next record of a node.
func (s *site) record(node string, r manifest.Record) {
	s.t.Helper()
	s.last[node]++
	n := s.last[node]
	r.Version, r.Identity = manifest.Version, manifest.Identity{Cluster: "prod", Node: node, Epoch: epoch}
	r.Seq, r.Number = n, n
	r.Checkpoint = fmt.Sprintf("%s\n%d\n%s\n\n", manifest.Origin("prod", node, 1), n, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	data, err := manifest.Encode(r)
	must(s.t, err)
	s.write(archive.RecordKey("prod", node, 1, n, epoch, n), data)
}

// source is a finished file as its record describes it.
func source(name string, rotated, first, last time.Time, lines int64) *manifest.Source {
	return &manifest.Source{
		Name: name, Size: 100 * lines, Lines: lines, SHA256: strings.Repeat("a", 64), MerkleRoot: strings.Repeat("b", 64), FinalNewline: true,
		First: manifest.At(first), Last: manifest.At(last), Rotated: manifest.At(rotated),
	}
}

// file stores a finished file: objects and record.
func (s *site) file(node string, rotated time.Time, text string) {
	s.t.Helper()
	seq := s.last[node] + 1
	at := rotated.UTC().Format(archive.RotatedLayout)
	meta := parquet.Meta{Cluster: "prod", Node: node, Epoch: epoch, Seq: seq, SourceName: "audit-" + at + ".log", Converter: "test", Rotated: rotated}
	result, err := parquet.Convert(s.t.Context(), strings.NewReader(text), int64(len(text)), parquet.Config{Meta: meta, Dir: s.t.TempDir()})
	must(s.t, err)
	r := manifest.Record{Kind: manifest.KindFile, Time: manifest.At(rotated.Add(time.Minute)), Source: source(meta.SourceName, rotated, result.First, result.Last, result.Lines)}
	for _, o := range result.Objects {
		data, err := os.ReadFile(o.Path)
		must(s.t, err)
		sum := sha256.Sum256(data)
		key := archive.DataKey("prod", o.Day, at, node, epoch, seq)
		s.write(key, data)
		s.keys = append(s.keys, key)
		r.Objects = append(r.Objects, manifest.Object{Key: key, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Rows: o.Rows})
	}
	s.record(node, r)
}

// small stores files of three lines around a midnight, the next of a node.
func (s *site) small(nodes ...string) {
	s.t.Helper()
	for _, node := range nodes {
		rotated := time.Date(2026, 11, 20, 0, 1, 0, 0, time.UTC).AddDate(0, 0, int(s.last[node]))
		var text strings.Builder
		for _, before := range []time.Duration{time.Hour, 2 * time.Minute, time.Second} {
			at := rotated.Add(-before).Format("2006-01-02T15:04:05.000000Z")
			fmt.Fprintf(&text, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"x","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"},"requestReceivedTimestamp":"%s","stageTimestamp":"%s"}`+"\n", at, at)
		}
		s.file(node, rotated, text.String())
	}
}

func (s *site) heartbeat(node string) {
	s.t.Helper()
	s.record(node, manifest.Record{Kind: manifest.KindHeartbeat, Time: manifest.At(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)), Heartbeat: &manifest.Heartbeat{Every: 3600}})
}

// committer opens the table.
func (s *site) committer() *committer {
	s.t.Helper()
	bucket, err := archive.Open(s.t.Context(), "file://"+s.archive(), archive.S3Config{})
	must(s.t, err)
	c := &committer{bucket: bucket, batch: 10000, note: func(format string, args ...any) { s.t.Logf("note: "+format, args...) }}
	must(s.t, c.open(s.t.Context(), "default", s.properties(), s.table(), "file://"+s.warehouse()))
	s.t.Cleanup(c.close)
	return c
}

// sync is a run.
func (s *site) sync() done {
	s.t.Helper()
	sum, err := s.committer().sync(s.t.Context())
	must(s.t, errors.Join(err, sum.stopped))
	return sum
}

// entries are the numbers of the table's entries, by key of the object.
func (s *site) entries() map[string]int {
	s.t.Helper()
	all := map[string]int{}
	must(s.t, s.committer().entries(s.t.Context(), func(f iceberg.DataFile) {
		all[strings.TrimPrefix(f.FilePath(), "file://"+s.archive()+"/")]++
	}))
	return all
}

// once checks that the table has every object once, and nothing else.
func (s *site) once() {
	s.t.Helper()
	want := map[string]int{}
	for _, key := range s.keys {
		want[key] = 1
	}
	if got := s.entries(); !maps.Equal(got, want) {
		s.t.Errorf("entries %v, want %v", got, want)
	}
}

// sums are the checksums of the archive's files.
func (s *site) sums() map[string][32]byte {
	s.t.Helper()
	all := map[string][32]byte{}
	must(s.t, filepath.WalkDir(s.archive(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = os.ReadFile(path)
			all[path] = sha256.Sum256(data)
		}
		return err
	}))
	return all
}
