package manifest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	self = Identity{Cluster: "prod", Node: "cp-1", MachineID: "6f1e", Epoch: "20261122T120000a1b2c3"}
)

var must = audittest.Must

// sum is a SHA-256 for a test, told by its last digits.
func sum(n int64) string { return fmt.Sprintf("%064x", n) }

// fileRecord is a record as the caller hands it to Seal.
func fileRecord(seq int64, at time.Time) Record {
	return Record{
		Kind: KindFile, Seq: seq, Time: At(at),
		Source: &Source{
			Name: "audit-2026-11-22T11-59-58.123.log", Inode: 1 << 63, Size: 104857123, Lines: 98765, SHA256: sum(seq),
			FinalNewline: true, First: At(noon.Add(-time.Hour)), Last: At(noon.Add(-time.Second + 456*time.Microsecond)),
			Rotated: At(noon.Add(-1877 * time.Millisecond)),
		},
		Counts: Counts{
			Levels: map[string]int64{"RequestResponse": 765, "Metadata": 98000},
			Stages: map[string]int64{"ResponseStarted": 5, "ResponseComplete": 98759, "": 1},
		},
		Objects: []Object{{
			Key: "data/cluster=prod/dt=2026-11-22/" + fmt.Sprint(seq) + ".parquet", Size: 8123456, SHA256: sum(1000 + seq), Rows: 98765,
		}},
	}
}

// gapRecord is a gap as the caller hands it to Seal.
func gapRecord(seq int64, at time.Time) Record {
	return Record{Kind: KindGap, Seq: seq, Time: At(at), Gaps: []Gap{
		{From: At(noon.Add(-time.Hour)), To: At(noon), Reason: continuity.ReasonPruned, Bytes: 4096, File: "audit-2026-11-22T11-00-00.000.log"},
		{Reason: continuity.ReasonStateLost, Bytes: -1, Detail: "ledger.json: not a ledger <&>"},
	}}
}

// redactedRecord is of a file that is not archived as it was.
func redactedRecord(seq int64) Record {
	r := fileRecord(seq, noon)
	r.Source.SHA256, r.Source.HMAC = "", Blind([]byte("the node's key"), sum(seq))
	r.Content = &Content{Size: 100857123, Lines: r.Source.Lines, SHA256: sum(100 + seq), MerkleRoot: sum(200 + seq)}
	r.Redaction = sum(300)
	return r
}

func heartbeatRecord(seq int64) Record {
	return Record{Kind: KindHeartbeat, Seq: seq, Time: At(noon), Heartbeat: &Heartbeat{
		Every: 3600, Waiting: 2,
		Open:   &OpenFile{Name: "audit.log", Seq: seq - 1, Inode: 77, Size: 1 << 20, Lines: 900, SHA256: sum(seq)},
		Server: &Server{Started: At(noon.Add(-time.Hour)), Before: 12345, After: 12347, Errors: 1},
	}}
}

// testKey is a signing key, always the same for the same number.
func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

// keyRecord names a key that takes over from another, or from none.
func keyRecord(seq int64, key, from ed25519.PrivateKey) Record {
	public := key.Public().(ed25519.PublicKey)
	r := Record{Kind: KindKey, Seq: seq, Time: At(noon), Key: &Key{PublicKey: hex.EncodeToString(public)}}
	if from != nil {
		e := Endorse(from, public)
		r.Key.Endorsement = &e
	}
	return r
}

// signedBy is a record as the first of its chain, signed.
func signedBy(t testing.TB, key ed25519.PrivateKey, r Record) Record {
	t.Helper()
	r, err := sign(identified(r), key)
	must(t, err)
	return r
}

func identified(r Record) Record {
	r.Version, r.Identity = Version, self
	return r
}

// sealed is the encoding of r at its place in the chain.
func sealed(t testing.TB, r Record, previous string) []byte {
	t.Helper()
	r.Version, r.Identity, r.Previous = Version, self, previous
	data, err := Encode(r)
	must(t, err)
	return data
}

// chainOf is a whole chain of the given numbers, each the place of one record;
// a negative number makes a gap record.
func chainOf(t testing.TB, seqs ...int64) (records [][]byte) {
	t.Helper()
	previous := ""
	for i, seq := range seqs {
		r := fileRecord(seq, noon.Add(time.Duration(i)*time.Second))
		if seq < 0 {
			r = gapRecord(-seq, noon.Add(time.Duration(i)*time.Second))
		}
		records = append(records, sealed(t, r, previous))
		previous = Hash(records[i])
	}
	return records
}

// sealedDir is a directory that holds records, as Seal would have left them.
func sealedDir(t testing.TB, records ...[]byte) string {
	t.Helper()
	dir := t.TempDir()
	for _, data := range records {
		r, err := Decode(data)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, fileName(r.Epoch, r.Seq)), data, 0o600))
	}
	return dir
}

func open(t testing.TB, dir string, head Head) *Chain {
	t.Helper()
	c, err := Open(durable.OS(), dir, self, head)
	must(t, err)
	return c
}

func headOf(t testing.TB, data []byte) Head {
	t.Helper()
	r, err := Decode(data)
	must(t, err)
	return Head{Seq: r.Seq, SHA256: Hash(data)}
}

// order is the numbers of the sealed records.
func order(c *Chain) string {
	var all []string
	for _, s := range c.Sealed() {
		all = append(all, fmt.Sprint(s.Seq))
	}
	return strings.Join(all, " ")
}

// kinds is findings in short: kind and number.
func kinds(findings []Finding) string {
	var all []string
	for _, f := range findings {
		s := fmt.Sprintf("%s %d", f.Kind, f.Seq)
		if f.Last != 0 {
			s += fmt.Sprintf("-%d", f.Last)
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

// verifyLinks reads the records and verifies their links.
func verifyLinks(id Identity, records [][]byte) Links {
	entries := make([]Entry, len(records))
	for i, data := range records {
		entries[i] = Read(data)
	}
	return VerifyLinks(id, entries)
}
