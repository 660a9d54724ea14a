// Package catalogtest makes archives in directories for tests: finished files,
// increments of open ones, records, and copies of objects that a store damaged.
package catalogtest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Two lives of a node's state; the later began when the first was lost.
const (
	EpochOne = "20261122T110000aaaaaa"
	EpochTwo = "20261122T120000bbbbbb"
)

// Line is an event of 12:00 on a day of November 2026, with a newline.
func Line(id, day string) string {
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"` + id +
		`","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"},"requestReceivedTimestamp":"2026-11-` +
		day + `T12:00:00.000000Z","stageTimestamp":"2026-11-` + day + `T12:00:00.000000Z"}` + "\n"
}

// Shelf is an archive in a directory, of the cluster c and the node n.
type Shelf struct {
	T   testing.TB
	Dir string
}

// Meta is the metadata of a file.
func (s Shelf) Meta(epoch string, seq int64) parquet.Meta {
	return parquet.Meta{Cluster: "c", Node: "n", Epoch: epoch, Seq: seq, SourceName: "audit.log", Converter: "test"}
}

// Parts stores the increments of a text that end at these offsets; the first
// number is the offset of the first increment.
func (s Shelf) Parts(epoch string, seq int64, text string, ends ...int) {
	s.T.Helper()
	for i, to := range ends[1:] {
		from := ends[i]
		m := s.Meta(epoch, seq)
		m.Increment = parquet.Increment{From: int64(from), FirstLine: int64(strings.Count(text[:from], "\n")) + 1}
		Object(s.T, filepath.Join(s.Dir, archive.OpenKey("c", "2026-11-22", "n", epoch, seq, int64(from), int64(to))), m, text[from:to])
	}
}

// File stores the objects of a finished file, of all days but those left out.
func (s Shelf) File(epoch string, seq int64, rotated, text string, without ...string) {
	s.T.Helper()
	at, err := time.Parse(archive.RotatedLayout, rotated)
	s.must(err)
	m := s.Meta(epoch, seq)
	m.SourceName, m.Rotated = "audit-"+rotated+".log", at
	result, err := parquet.Convert(s.T.Context(), strings.NewReader(text), int64(len(text)), parquet.Config{Meta: m, Dir: s.T.TempDir()})
	s.must(err)
	for _, o := range result.Objects {
		if !slices.Contains(without, o.Day) {
			s.put(archive.DataKey("c", o.Day, rotated, "n", epoch, seq), s.read(o.Path))
		}
	}
}

// Record stores a record of an epoch that names objects; if none are given, a file's
// names those that are stored. Its number in the tree is its
// seq, and its checkpoint that of no tree.
func (s Shelf) Record(epoch string, seq int64, r manifest.Record, objects ...archive.Key) {
	s.T.Helper()
	if r.Kind == manifest.KindFile && len(objects) == 0 {
		objects = s.objects(epoch, seq)
	}
	for _, key := range objects {
		if sum := s.sourceSum(key.String()); r.Source != nil && r.Source.SHA256 == noSum && sum != "" {
			source := *r.Source
			source.SHA256 = sum
			r.Source = &source
		}
		r.Objects = append(r.Objects, manifest.Object{Key: key.String(), SHA256: strings.Repeat("a", 64)})
	}
	r.Version, r.Identity = manifest.Version, manifest.Identity{Cluster: "c", Node: "n", Epoch: epoch}
	r.Seq, r.Number, r.Time = seq, seq, manifest.At(time.Now())
	r.Checkpoint = fmt.Sprintf("%s\n%d\n%s\n\n", manifest.Origin("c", "n", 1), seq, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	data, err := manifest.Encode(r)
	s.must(err)
	s.put(RecordKey(epoch, seq), data)
}

// noSum stands for the checksum of a file until [Shelf.Record] finds it.
const noSum = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// sourceSum is the checksum of the file that a stored object is of; empty if it cannot be read.
func (s Shelf) sourceSum(key string) string {
	f, err := os.Open(filepath.Join(s.Dir, key))
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	s.must(err)
	m, err := parquet.ReadMeta(f, info.Size())
	if err != nil {
		return ""
	}
	return hex.EncodeToString(m.SourceSHA256[:])
}

// objects are the keys of the stored objects of a finished file.
func (s Shelf) objects(epoch string, seq int64) (keys []archive.Key) {
	s.T.Helper()
	paths, err := filepath.Glob(filepath.Join(s.Dir, "data", "*", "*", "*"))
	s.must(err)
	for _, path := range paths {
		rel, err := filepath.Rel(s.Dir, path)
		s.must(err)
		if key, err := archive.ParseKey(filepath.ToSlash(rel)); err == nil && key.Epoch == epoch && key.Seq == seq {
			keys = append(keys, key)
		}
	}
	return keys
}

// RecordKey is the key of a record that [Shelf.Record] stores.
func RecordKey(epoch string, seq int64) string {
	return archive.RecordKey("c", "n", 1, seq, epoch, seq)
}

// FileRecord is the record of a finished file.
func FileRecord(name string) manifest.Record {
	return manifest.Record{Kind: manifest.KindFile, Source: &manifest.Source{Name: name, SHA256: noSum}}
}

// GapRecord is the record of a file that was given up.
func GapRecord() manifest.Record {
	return manifest.Record{Kind: manifest.KindGap, Gaps: []manifest.Gap{{Reason: continuity.ReasonDiskBudget, Bytes: -1}}}
}

// Again makes the object under a key a copy, and leaves under the key the bytes that spoil
// makes of it.
func (s Shelf) Again(key string, spoil func([]byte) []byte) (copied string) {
	s.T.Helper()
	copied = archive.NextCopy(key)
	s.must(os.Rename(filepath.Join(s.Dir, key), filepath.Join(s.Dir, copied)))
	s.put(key, spoil(s.read(filepath.Join(s.Dir, copied))))
	return copied
}

// Object writes one object with this metadata and content.
func Object(t testing.TB, path string, meta parquet.Meta, content string) string {
	t.Helper()
	s := Shelf{T: t}
	s.must(os.MkdirAll(filepath.Dir(path), 0o700))
	_, err := parquet.Convert(t.Context(), strings.NewReader(content), int64(len(content)), parquet.Config{Meta: meta, File: path})
	s.must(err)
	return path
}

func (s Shelf) must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

func (s Shelf) read(path string) []byte {
	s.T.Helper()
	data, err := os.ReadFile(path)
	s.must(err)
	return data
}

func (s Shelf) put(key string, content []byte) {
	s.T.Helper()
	path := filepath.Join(s.Dir, key)
	s.must(os.MkdirAll(filepath.Dir(path), 0o700))
	s.must(os.WriteFile(path, content, 0o600))
}
