package verify

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// smallSite is an archive of four files (records 2, 4, 5, 7) with a key record
// (1), heartbeats (3, 8) and a gap (6) between them, signed by key 1. The
// second heartbeat is the last record.
func smallSite(t testing.TB) *site {
	s := newSite(t, epochA)
	s.sign(1, 0)
	s.file(s.log(10))
	log := s.log(20)
	s.heartbeat(4, log[:bytes.IndexByte(log, '\n')+1])
	s.file(log)
	s.file(s.log(30))
	s.gap(continuity.ReasonPruned)
	s.file(s.log(40))
	s.heartbeat(0, nil)
	return s
}

// Each case is one change of an archive, and exactly the findings
// found for it: kinds, numbers of records, lines.
func TestTamper(t *testing.T) {
	key := Options{Keys: trusted(testKey(1))}
	for name, c := range map[string]struct {
		tamper func(*testing.T, *site)
		opt    Options
		want   string
		named  func(*site) string // the name that a finding must have
	}{
		"nothing":              {func(*testing.T, *site) {}, Options{}, "", nil},
		"nothing, deep":        {func(*testing.T, *site) {}, Options{Deep: true, Keys: key.Keys}, "", nil},
		"nothing, another key": {func(*testing.T, *site) {}, Options{Keys: trusted(testKey(2))}, "unknown_key 1-8", nil},
		"bit of an object":     {func(t *testing.T, s *site) { flip(t, s, s.data(4), 700) }, Options{}, "object_changed 4 lines 1-20", func(s *site) string { return s.data(4) }},
		"bit of a record":      {func(t *testing.T, s *site) { flip(t, s, s.record(4), 400) }, Options{}, "not_proven 5-8, record_changed 4 lines 1-20", func(s *site) string { return s.record(4) }},
		"digit of a count":     {func(t *testing.T, s *site) { replace(t, s, s.record(4), `"lines":20`, `"lines":21`) }, Options{}, "not_proven 5-8, object_mislabeled 4 lines 1-21, record_changed 4 lines 1-21", func(s *site) string { return s.record(4) }},
		"delete an object":     {func(_ *testing.T, s *site) { s.remove(s.data(5)) }, Options{}, "object_missing 5 lines 1-30", func(s *site) string { return s.data(5) }},
		"delete a record":      {func(_ *testing.T, s *site) { s.remove(s.record(3)) }, Options{}, "not_proven 4 lines 1-20, record_missing 3", func(s *site) string { return s.record(4) }},
		"drop a file":          {func(_ *testing.T, s *site) { s.remove(s.data(5), s.record(5)) }, Options{}, "not_proven 6-8, record_missing 5", nil},
		"drop the beginning":   {func(_ *testing.T, s *site) { s.remove(s.record(1), s.record(2), s.data(2)) }, key, "not_proven 3-4, record_missing 1-2", nil},
		"drop the tail":        {func(_ *testing.T, s *site) { dropTail(s) }, Options{ExpectHeads: []string{"head"}}, "head_missing", nil},
		"drop the tail, --to":  {func(_ *testing.T, s *site) { dropTail(s) }, Options{To: noon.Add(3 * time.Hour)}, "tail_missing", nil},
		"old objects swapped":  {func(_ *testing.T, s *site) { s.swap(s.data(4), s.data(5)) }, Options{}, "object_changed 4 lines 1-20, object_changed 5 lines 1-30", func(s *site) string { return s.data(5) }},
		"records swapped":      {func(_ *testing.T, s *site) { s.swap(s.record(4), s.record(5)) }, Options{}, "not_proven 6-8, object_unrecorded 4, object_unrecorded 5, record_misplaced 4, record_misplaced 5", func(s *site) string { return s.record(5) }},
		"truncate an object":   {func(t *testing.T, s *site) { truncate(t, s, s.data(7)) }, Options{}, "object_changed 7 lines 1-40", func(s *site) string { return s.data(7) }},
		"truncate a record":    {func(t *testing.T, s *site) { truncate(t, s, s.record(7)) }, Options{}, "not_proven 8, object_unrecorded 7, record_unreadable 7", func(s *site) string { return s.record(7) }},
		"empty a record":       {func(_ *testing.T, s *site) { s.write(s.record(6), nil) }, Options{}, "not_proven 7-8, record_unreadable 6", func(s *site) string { return s.record(6) }},
		"replay an old object": {func(_ *testing.T, s *site) { s.write(s.data(7), s.read(s.data(2))) }, Options{}, "object_changed 7 lines 1-40", func(s *site) string { return s.data(7) }},
		"replay an old record": {func(_ *testing.T, s *site) { s.write(s.record(7), s.read(s.record(2))) }, Options{}, "not_proven 8, object_unrecorded 7, record_misplaced 7", func(s *site) string { return s.record(7) }},
		"add an object": {func(_ *testing.T, s *site) {
			s.write(strings.Replace(s.data(2), "00000002", "00000004", 1), s.read(s.data(2)))
		}, Options{}, "object_unrecorded 4", nil},
		"add a strange object":    {func(_ *testing.T, s *site) { s.write("data/cluster=prod/dt=2026-11-22/x.parquet", s.read(s.data(2))) }, Options{}, "object_unrecorded", nil},
		"add a copy of an object": {func(_ *testing.T, s *site) { s.write(archive.NextCopy(s.data(4)), s.read(s.data(2))) }, Options{}, "object_unrecorded 4", nil},
		"add a copy of a record":  {func(_ *testing.T, s *site) { s.write(archive.NextCopy(s.record(4)), s.read(s.record(4))[:100]) }, Options{}, "record_unreadable 4", nil},
		"add another record as a copy": {func(_ *testing.T, s *site) {
			s.write(archive.NextCopy(s.record(4)), s.read(s.record(5)))
		}, Options{}, "record_misplaced 4", nil},
		"a copy on another day": {func(_ *testing.T, s *site) {
			s.write(strings.Replace(s.data(2), "dt=2026-11-22", "dt=2026-11-21", 1), s.read(s.data(2)))
		}, Options{}, "object_unrecorded 2", nil},
		"insert into a fork":   {insertFork, key, "fork 8", nil},
		"insert, links mended": {insertLinked(nil), key, "unsigned", nil},
		"insert, signed anew":  {insertLinked(testKey(2)), key, "bad_signature 1, unknown_key 2-9", func(s *site) string { return s.record(1) }},
		"all signed anew":      {resign, key, "unknown_key 1-8", nil},
		"all signed anew by a key that says it was endorsed":    {resignEndorsed, key, "unknown_key 1-8", nil},
		"signatures removed from the last":                      {func(_ *testing.T, s *site) { stripLast(s) }, key, "unsigned 8", func(s *site) string { return s.record(8) }},
		"all signed by the key of another node":                 {signedByAnotherNode, key, "object_unrecorded 2, object_unrecorded 4, object_unrecorded 5, object_unrecorded 7, " + eachUnreadable, nil},
		"all signed by the key of another node under this name": {renamedKey, key, "unknown_key 1-8", nil},
		"rewritten with the stolen key":                         {stolen, key, "", nil},
		"rewritten with the stolen key, which was cut off":      {stolen, Options{Keys: []manifest.TrustedKey{{Vkey: testKey(1).Vkey, Until: 5}}}, "unknown_key 6-8", nil},
		"rewritten with the stolen key, a head is known":        {stolen, Options{ExpectHeads: []string{"head"}}, "head_missing", nil},
		"a stolen key hands over to the thief's":                {stolenHandover, Options{Keys: []manifest.TrustedKey{{Vkey: testKey(1).Vkey, Until: 5}}}, "unknown_key 6-8", nil},
		"a tail cut within two heartbeats":                      {func(_ *testing.T, s *site) { s.remove(s.record(8)) }, Options{ExpectHeads: []string{"head"}, To: noon.Add(30 * time.Minute)}, "head_missing", nil},
		"a signature of another record":                         {swapSignatures, Options{}, "bad_signature 7 lines 1-40", func(s *site) string { return s.record(7) }},
		"a checkpoint alone":                                    {func(t *testing.T, s *site) { breakRoot(t, s, 4) }, Options{}, "bad_signature 4 lines 1-20, record_changed 4 lines 1-20", func(s *site) string { return s.record(4) }},
		"a key-value, mended and unsigned":                      {changeKeyValue, Options{}, "object_mislabeled 5 lines 1-30", func(s *site) string { return s.data(5) }},
		"lines, mended and unsigned":                            {changeSource, Options{Deep: true}, "source_mismatch 5 lines 1-30", func(s *site) string { return s.record(5) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smallSite(t)
			if len(c.opt.ExpectHeads) > 0 {
				c.opt.ExpectHeads = []string{s.head()}
			}
			named := ""
			if c.named != nil {
				named = c.named(s)
			}
			c.tamper(t, s)
			r := s.verify(c.opt)
			if got := kinds(r); got != c.want {
				t.Errorf("found %s\nwant  %s", got, c.want)
				t.Log(text(t, r))
			}
			if named != "" && !names(r, named) {
				t.Errorf("no finding names %s", named)
			}
			if r.Clean != (c.want == "") {
				t.Errorf("clean: %v", r.Clean)
			}
		})
	}
}

// No bit of anything in the archive can be flipped without a finding that names
// the object it is in.
func TestI5_AnyFlippedBitIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	s := smallSite(t)
	random := rand.New(rand.NewPCG(1, 2))
	flipped, each := 0, 8
	if testing.Short() {
		each = 3
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.dir, path)
		must(t, err)
		key := filepath.ToSlash(rel)
		good := s.read(key)
		for range each {
			bad := bytes.Clone(good)
			bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
			s.write(key, bad)
			if r := s.verify(Options{}); r.Clean || !names(r, key) {
				t.Errorf("%s: a flipped bit is not named: %s", key, kinds(r))
			}
			flipped++
		}
		s.write(key, good)
		return nil
	})
	must(t, err)
	if r := s.verify(Options{}); !r.Clean || flipped != 12*each {
		t.Errorf("%d bits flipped; afterwards: %s", flipped, kinds(r))
	}
}

func flip(t *testing.T, s *site, key string, at int) {
	t.Helper()
	b := s.read(key)
	b[at] ^= 1
	s.write(key, b)
}

func replace(t *testing.T, s *site, key, old, with string) {
	t.Helper()
	b := s.read(key)
	if !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%s has no %s", key, old)
	}
	s.write(key, bytes.Replace(b, []byte(old), []byte(with), 1))
}

func truncate(t *testing.T, s *site, key string) {
	t.Helper()
	must(t, os.Truncate(s.path(key), int64(len(s.read(key))/2)))
}

func dropTail(s *site) { s.remove(s.data(7), s.record(7), s.record(8)) }

// insertFork adds another record with the number of the last.
func insertFork(t *testing.T, s *site) {
	r := s.decode(8)
	r.Seq = 9
	data, err := manifest.Encode(r)
	must(t, err)
	s.write(archive.RecordKey("prod", s.node, 1, 8, s.epoch, 9), data)
}

// insertLinked adds a record in the middle and mends all links after it.
func insertLinked(key *manifest.SigningKey) func(*testing.T, *site) {
	return func(_ *testing.T, s *site) {
		s.rewrite(key, func(records []manifest.Record) []manifest.Record {
			if key == nil {
				records = slices.DeleteFunc(records, func(r manifest.Record) bool { return r.Kind == manifest.KindKey })
			}
			extra := records[3]
			extra.Kind, extra.Seq, extra.Source, extra.Objects, extra.Counts = manifest.KindGap, 9, nil, nil, manifest.Counts{}
			extra.Gaps = []manifest.Gap{{Reason: continuity.ReasonPruned, Bytes: -1}}
			if key == nil {
				extra.Seq = 1
			}
			return slices.Insert(records, 4, extra)
		})
	}
}

func resign(_ *testing.T, s *site) {
	s.rewrite(testKey(2), func(records []manifest.Record) []manifest.Record {
		records[0].Key = testKey(2).Record()
		return records
	})
}

func resignEndorsed(_ *testing.T, s *site) {
	s.rewrite(testKey(2), func(records []manifest.Record) []manifest.Record {
		forged := *testKeyFrom(2, 3).Handover
		forged.From = testKey(1).Vkey
		records[0].Key = &manifest.Key{Vkey: testKey(2).Vkey, Handover: &forged}
		return records
	})
}

// eachUnreadable is found where no record can be read.
const eachUnreadable = "record_unreadable 1, record_unreadable 2, record_unreadable 3, record_unreadable 4, record_unreadable 5, record_unreadable 6, record_unreadable 7, record_unreadable 8"

// resignAll signs every checkpoint with another key.
func resignAll(t *testing.T, s *site, private string) {
	signer, err := note.NewSigner(private)
	must(t, err)
	for seq := int64(1); seq < s.next; seq++ {
		data := s.read(s.record(seq))
		r, err := manifest.Decode(data)
		must(t, err)
		text, _, _ := strings.Cut(r.Checkpoint, "\n\n")
		signed, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
		must(t, err)
		r.Checkpoint = string(signed)
		data, err = manifest.Encode(r)
		must(t, err)
		s.write(s.record(seq), data)
	}
}

// signedByAnotherNode rewrites cp1's records with the key of cp2.
func signedByAnotherNode(t *testing.T, s *site) {
	private, _, _ := strings.Cut(keyOf("cp2", 1, 0).Text(), "\n")
	resignAll(t, s, private)
}

// renamedKey does the same after the key was given cp1's name.
func renamedKey(_ *testing.T, s *site) {
	thief := keyOf("cp1", 9, 0) // like a renamed key: one that was not given
	s.rewrite(thief, func(records []manifest.Record) []manifest.Record {
		records[0].Key = thief.Record()
		return records
	})
}

// stolen rewrites all from record 6 on, a gap, with the node's own key: the gap becomes
// a heartbeat.
func stolen(_ *testing.T, s *site) {
	s.rewrite(testKey(1), func(records []manifest.Record) []manifest.Record {
		r := &records[5]
		r.Kind, r.Gaps, r.Heartbeat = manifest.KindHeartbeat, nil, &manifest.Heartbeat{Every: 3600}
		return records
	})
}

// stolenHandover makes of record 6 the handover of the stolen key to another, which
// signs from then on.
func stolenHandover(t *testing.T, s *site) {
	thief := testKeyFrom(7, 1)
	s.rewriteWith(func(n int64) *manifest.SigningKey {
		if n >= 6 {
			return thief
		}
		return testKey(1)
	}, func(records []manifest.Record) []manifest.Record {
		r := &records[5]
		r.Kind, r.Gaps, r.Key = manifest.KindKey, nil, thief.Record()
		return records
	})
}

// swapSignatures puts the signature of record 8 on record 7.
func swapSignatures(t *testing.T, s *site) {
	a, b := s.decode(7), s.decode(8)
	text, _, _ := strings.Cut(a.Checkpoint, "\n\n")
	_, signature, _ := strings.Cut(b.Checkpoint, "\n\n")
	a.Checkpoint = text + "\n\n" + signature
	data, err := manifest.Encode(a)
	must(t, err)
	s.write(s.record(7), data)
}

// breakRoot changes the root in a checkpoint, and not the record.
func breakRoot(t *testing.T, s *site, seq int64) {
	r := s.decode(seq)
	lines := strings.SplitN(r.Checkpoint, "\n", 4)
	lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
	r.Checkpoint = strings.Join(lines, "\n")
	data, err := manifest.Encode(r)
	must(t, err)
	s.write(s.record(seq), data)
}

func stripLast(s *site) {
	r := s.decode(8)
	r.Checkpoint, _, _ = strings.Cut(r.Checkpoint, "\n\n")
	r.Checkpoint += "\n\n"
	data, err := manifest.Encode(r)
	must(s.t, err)
	s.write(s.record(8), data)
}

// changeKeyValue changes the metadata of an object, and everything that
// depends on it in a chain without signatures.
func changeKeyValue(t *testing.T, s *site) {
	object := s.read(s.data(5))
	at := bytes.LastIndex(object, []byte("cp1")) // the node in the footer
	if at < len(object)*3/4 {
		t.Fatal("there is no node in the footer")
	}
	object[at+2] = '2'
	s.write(s.data(5), object)
	forge(s, func(*manifest.Record) {})
}

// changeSource does the same with the record's description of the file; the
// object's own metadata say the truth.
func changeSource(_ *testing.T, s *site) {
	forge(s, func(r *manifest.Record) { r.Source.MerkleRoot = strings.Repeat("ab", 32) })
}

// forge mends the record of file 5 for its object as it is, and all links.
func forge(s *site, edit func(*manifest.Record)) {
	s.rewrite(nil, func(records []manifest.Record) []manifest.Record {
		r := &records[4]
		data := s.read(r.Objects[0].Key)
		r.Objects[0].Size, r.Objects[0].SHA256 = int64(len(data)), manifest.Sum(data)
		edit(r)
		records[0] = manifest.Record{Kind: manifest.KindGap, Seq: 1, Time: records[0].Time, Identity: records[0].Identity,
			Gaps: []manifest.Gap{{Reason: continuity.ReasonPruned, Bytes: -1}}}
		return records
	})
}

func text(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	must(t, r.WriteText(&b))
	return b.String()
}
