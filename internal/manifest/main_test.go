package manifest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

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

func setupRecord(seq int64) Record {
	r := Record{Kind: KindSetup, Seq: seq, Time: At(noon), Setup: &Setup{
		Sidecar: "v0.1.0", Server: "v1.36.1", Policy: NewDocument([]byte("kind: Policy\nrules:\n- level: Metadata\n")), Redaction: NewDocument([]byte("\x00")),
	}}
	r.Setup.SetFlag("audit-log-path", "/var/log/kubernetes/audit/audit.log")
	r.Setup.SetFlag("audit-log-compress", "")
	return r
}

// testKey is a signing key, always the same for the same number.
func testKey(t testing.TB, n byte) *SigningKey {
	t.Helper()
	seed := sha256.Sum256([]byte{n})
	name, public := KeyName(self.Cluster, self.Node), ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(name, public)
	must(t, err)
	hash := strings.Split(vkey, "+")[1]
	key, err := newSigningKey(privatePrefix + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	must(t, err)
	return key
}

// testKeyFrom is a key that takes over from another.
func testKeyFrom(t testing.TB, n, from byte) *SigningKey {
	t.Helper()
	key := testKey(t, n)
	var err error
	key.Handover, err = testKey(t, from).handOver(key.Vkey)
	must(t, err)
	return key
}

// keyRecord names a key.
func keyRecord(seq int64, key *SigningKey) Record {
	return Record{Kind: KindKey, Seq: seq, Time: At(noon), Key: key.Record()}
}

func identified(r Record) Record {
	r.Version, r.Identity, r.Number = Version, self, 1
	return r
}

// sealedAfter is the encoding of r as the record after those of a tree.
func sealedAfter(t testing.TB, tree Tree, r Record, key *SigningKey) []byte {
	t.Helper()
	c := Chain{id: self, tip: tree, key: key, begins: Begins{Reason: BeginNew}, stored: Head{Tree: 1, Number: tree.Size()}}
	if tree.Size() > 0 {
		c.stored.Epoch = self.Epoch
	}
	data, _, err := c.encode(identified(r))
	must(t, err)
	return data
}

// sealed is the encoding of r as the first record of a tree.
func sealed(t testing.TB, r Record) []byte {
	t.Helper()
	return sealedAfter(t, Tree{}, r, nil)
}

// chainOf is a whole tree of the given seqs, each that of one record;
// a negative seq makes a gap record.
func chainOf(t testing.TB, seqs ...int64) (records [][]byte) {
	t.Helper()
	var tree Tree
	for i, seq := range seqs {
		r := fileRecord(seq, noon.Add(time.Duration(i)*time.Second))
		if seq < 0 {
			r = gapRecord(-seq, noon.Add(time.Duration(i)*time.Second))
		}
		records = append(records, sealedAfter(t, tree, r, nil))
		tree = tree.With(leafOf(records[i]))
	}
	return records
}

// stateDir is a state directory with the leaves of the first records, and with others
// sealed, as Seal and Keep would have left them.
func stateDir(t testing.TB, stored [][]byte, sealed ...[]byte) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, SealedDir), 0o700))
	var leaves []byte
	for _, data := range stored {
		leaf := leafOf(data)
		leaves = append(leaves, leaf[:]...)
	}
	must(t, os.WriteFile(filepath.Join(dir, LeavesName), leaves, 0o600))
	for _, data := range sealed {
		write(t, dir, headOf(t, data), data)
	}
	return dir
}

// write writes a sealed record under the name of another.
func write(t testing.TB, dir string, name Head, data []byte) string {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, SealedDir, fileName(name)), data, 0o600))
	return dir
}

// firstHead is the head of a tree without records.
var firstHead = Head{Tree: 1}

func openAt(fsys durable.FS, dir string, head Head) (*Chain, error) {
	return Open(fsys, dir, self, Begins{Reason: BeginNew}, head)
}

func open(t testing.TB, dir string, head Head) *Chain {
	t.Helper()
	c, err := openAt(durable.OS(), dir, head)
	must(t, err)
	if !c.Joined() {
		t.Fatal("the chain has not joined its tree")
	}
	return c
}

func headOf(t testing.TB, data []byte) Head {
	t.Helper()
	e := Read(data)
	must(t, e.Err)
	return e.Head()
}

// order is the numbers of the sealed records.
func order(c *Chain) string {
	var all []string
	for _, s := range c.Sealed() {
		all = append(all, fmt.Sprint(s.Seq))
	}
	return strings.Join(all, " ")
}

// treeFault checks that records, in any order, are one tree from its first record on,
// and returns its head.
func treeFault(records [][]byte) (Head, error) {
	entries := make([]Entry, len(records))
	for i, data := range records {
		if entries[i] = Read(data); entries[i].Err != nil {
			return Head{}, entries[i].Err
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return int(a.Number - b.Number) })
	var tree Tree
	head := firstHead
	for i, e := range entries {
		if tree = tree.With(e.Leaf); e.Number != int64(i+1) || e.Point.Root != tree.Root() {
			return head, fmt.Errorf("record %d of %d has number %d and root %s, want %s", i+1, len(entries), e.Number, e.Point.Root, tree.Root())
		}
		head = e.Head()
	}
	return head, nil
}

// Head returns the last sealed record.
func (c *Chain) Head() Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.head()
}
