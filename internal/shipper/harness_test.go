package shipper

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// memoryStore is an archive in memory: immutable, and it says no on demand.
type memoryStore struct {
	objects map[string][]byte
	puts    int
	fail    func(key string) error
	findErr error
	// unlisted finds nothing: the archive may not be listed.
	unlisted bool
	// fetchErr fails reading.
	fetchErr error
	lose     bool // take the object, then fail, as a lost answer does
	// fault is what happens at the n-th PUT (from 1) under a free key.
	fault func(n int) fault
	taken int // PUTs under free keys
}

// fault is what a store does with one PUT.
type fault string

const (
	damaged     fault = "damaged"                 // other bytes are stored; reading them back tells
	damagedLost fault = "damaged, answer lost"    // other bytes are stored, and the PUT fails
	unreadable  fault = "answer lost, unreadable" // stored; the retry is refused and may not read
)

// faults are all of them.
func faults() []fault { return []fault{damaged, damagedLost, unreadable} }

var errLost = errors.New("connection reset")

// keys names the objects of the yard.
type keys struct{}

func (keys) Copy(key string) string {
	first, n, _ := strings.Cut(key, ".r")
	number, _ := strconv.Atoi(n)
	return fmt.Sprintf("%s.r%d", first, max(2, number+1))
}

// current are the objects without those that have a copy under another key.
func (m *memoryStore) current() map[string][]byte {
	last := maps.Clone(m.objects)
	maps.DeleteFunc(last, func(key string, _ []byte) bool {
		_, ok := m.objects[keys{}.Copy(key)]
		return ok
	})
	return last
}

func newStore() *memoryStore { return &memoryStore{objects: map[string][]byte{}} }

func (keys) Data(day string, rotated time.Time, of ledger.Origin) string {
	return fmt.Sprintf("%s/%s-%s-%08d", day, rotated.UTC().Format("20060102T150405"), of.Epoch, of.Seq)
}

func (keys) Open(day string, of ledger.Origin, from, to int64) string {
	return openKey(of.Seq, from, to) + "-" + day
}

// openKey is the key of an increment, without its day.
func openKey(seq, from, to int64) string {
	return fmt.Sprintf("open/%08d/%012d-%012d", seq, from, to)
}

func (keys) Record(epoch string, seq int64) string {
	return fmt.Sprintf("manifests/%s-%08d", epoch, seq)
}

// records are the stored records, by epoch and number.
func (m *memoryStore) records(t testing.TB) []manifest.Record {
	t.Helper()
	var records []manifest.Record
	for key, data := range m.current() {
		if !strings.HasPrefix(key, "manifests/") {
			continue
		}
		r, err := manifest.Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b manifest.Record) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
	})
	return records
}

// wantChain checks that the records of every epoch are one unbroken chain, in
// which no number is missing.
func (m *memoryStore) wantChain(t testing.TB) {
	t.Helper()
	byEpoch, lastSeq := map[string][]manifest.Entry{}, map[string]int64{}
	for key, data := range m.current() {
		if r := manifest.Read(data); r.Err == nil && strings.HasPrefix(key, "manifests/") {
			byEpoch[r.Epoch], lastSeq[r.Epoch] = append(byEpoch[r.Epoch], r), max(lastSeq[r.Epoch], r.Seq)
		}
	}
	for epoch, records := range byEpoch {
		if last := lastSeq[epoch]; last != int64(len(records)) { // verify reports record_missing
			t.Errorf("epoch %s: %d records, the last is number %d", epoch, len(records), last)
		}
		if links := manifest.VerifyLinks(records[0].Identity, records); len(links.Findings) > 0 {
			t.Errorf("epoch %s: %v", epoch, links.Findings)
		}
	}
}

// Find implements Store.
func (m *memoryStore) Find(_ context.Context, rotated time.Time, about bool) (found []Found, err error) {
	if m.findErr != nil || m.unlisted {
		return nil, m.findErr
	}
	named := map[string]bool{}
	for key, data := range m.current() {
		r, err := manifest.Decode(data)
		if err != nil || !strings.HasPrefix(key, "manifests/") || r.Source == nil {
			continue
		}
		for _, o := range r.Objects {
			named[o.Key] = true
		}
		if about || r.Source.Rotated.Equal(rotated) {
			found = append(found, Found{Record: &r})
		}
	}
	for key, data := range m.current() {
		if strings.HasPrefix(key, "manifests/") || strings.HasPrefix(key, "open/") || named[key] {
			continue
		}
		meta, err := parquet.ReadMeta(bytes.NewReader(data), int64(len(data)))
		if err == nil && (about || meta.Rotated.Equal(rotated)) {
			found = append(found, Found{Meta: meta})
		}
	}
	return found, nil
}

// Earlier implements Store.
func (m *memoryStore) Earlier(_ context.Context, epoch string) (string, error) {
	for key := range m.objects {
		if id, ok := strings.CutPrefix(key, "manifests/"); ok && !strings.HasPrefix(id, epoch) {
			return id, m.findErr
		}
	}
	return "", m.findErr
}

// Later implements Store.
func (m *memoryStore) Later(_ context.Context, epoch string, seq int64) (*manifest.Record, error) {
	for n := seq; n < seq+10 && !m.unlisted; n++ {
		if r, err := manifest.Decode(m.objects[keys{}.Record(epoch, n)]); err == nil {
			return &r, m.findErr
		}
	}
	return nil, m.findErr
}

// Fetch implements Store.
func (m *memoryStore) Fetch(_ context.Context, key, file string) error {
	if m.fetchErr != nil {
		return m.fetchErr
	}
	return os.WriteFile(file, m.objects[key], 0o600)
}

// Put implements Store.
func (m *memoryStore) Put(_ context.Context, key, file string, size int64, sum string) error {
	m.puts++
	if m.fail != nil {
		if err := m.fail(key); err != nil {
			return err
		}
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, ErrWorkGone)
	}
	if err != nil {
		return err
	}
	if got := sha256.Sum256(data); int64(len(data)) != size || hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("%s: %w", file, ErrWorkGone)
	}
	if have, ok := m.objects[key]; ok && !bytes.Equal(have, data) {
		return fmt.Errorf("%s: %w", key, ErrTaken)
	} else if ok || m.fault == nil {
		m.objects[key] = data
	} else if err := m.faulty(key, data); err != nil {
		return err
	}
	if m.lose {
		return errLost
	}
	return nil
}

// faulty stores under a free key what the fault makes of it.
func (m *memoryStore) faulty(key string, data []byte) error {
	m.taken++
	m.objects[key] = data
	switch m.fault(m.taken) {
	case damaged:
		m.objects[key] = damage(data)
		return fmt.Errorf("%s: %w", key, ErrTaken)
	case damagedLost:
		m.objects[key] = damage(data)
		return errLost
	case unreadable:
		return fmt.Errorf("%s: %w", key, ErrUnreadable)
	}
	return nil
}

// damage flips a bit in the middle.
func damage(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)/2] ^= 1
	return data
}

// restored gives the original bytes of every segment in the store, by epoch and number.
func (m *memoryStore) restored(t testing.TB) []string {
	t.Helper()
	byFile := map[ledger.Origin][]parquet.Input{}
	for key, data := range m.current() {
		if strings.HasPrefix(key, "manifests/") || strings.HasPrefix(key, "open/") {
			continue
		}
		meta, err := parquet.ReadMeta(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		of := ledger.Origin{Epoch: meta.Epoch, Seq: meta.Seq}
		byFile[of] = append(byFile[of], parquet.Input{Name: key, ReaderAt: bytes.NewReader(data), Size: int64(len(data))})
	}
	files := slices.SortedFunc(maps.Keys(byFile), func(a, b ledger.Origin) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
	})
	var texts []string
	for _, of := range files {
		var out bytes.Buffer
		if err := parquet.Restore(t.Context(), byFile[of], &out); err != nil {
			t.Fatalf("%v: %v", of, err)
		}
		texts = append(texts, out.String())
	}
	return texts
}

// yard is a state directory with held segments and a Shipper over it.
type yard struct {
	t     testing.TB
	dir   string
	fs    durable.FS
	store *memoryStore
	notes []string
	gaps  []string // reasons

	starts  int64
	ledger  *ledger.Ledger
	shipper *Shipper
	passes  []error // how passes ended
	release int
	lag     time.Duration
	redact  *redact.Key // of a redacted archive
	beat    time.Duration
	key     *manifest.SigningKey
	ask     func(context.Context) (Counters, error)
}

func newYard(t testing.TB) *yard { return &yard{t: t, dir: audittest.FastDir(t), store: newStore()} }

func (y *yard) heldPath(id string) string { return filepath.Join(y.dir, "held", id) }

func (y *yard) start() error {
	var err error
	y.starts++ // a later epoch sorts after an earlier one
	if y.ledger, _, err = ledger.Open(y.fs, y.dir, "machine", time.Unix(1_700_000_000+y.starts, 0)); err != nil {
		return err
	}
	head := y.ledger.Chain().Head
	chain, err := manifest.Open(y.fs, filepath.Join(y.dir, "sealed"),
		manifest.Identity{Cluster: "c", Node: "n", MachineID: "machine", Epoch: y.ledger.Chain().Epoch},
		manifest.Head{Seq: head.Seq, SHA256: head.SHA256})
	if err != nil {
		return err
	}
	if y.key != nil {
		chain.SignWith(y.key.Private)
	}
	cfg := Config{
		Chain: chain, Keys: keys{}, MaxLag: y.lag, StateDir: y.dir, Held: held{y}, Cluster: "c", Node: "n", Version: "test",
		FS: y.fs, Ledger: y.ledger, Store: y.store, Interval: time.Hour,
		Heartbeat: y.beat, Key: y.key, Ask: y.ask, Events: recorder{y}, Registry: prometheus.NewRegistry(),
	}
	if y.redact != nil {
		redactor, policy := redactor(y.t, *y.redact)
		cfg.Redact = &Redaction{Redactor: redactor, Policy: policy}
		cfg.Blind = func(sum string) string { return manifest.Blind(y.redact[:], sum) }
	}
	y.shipper, err = New(cfg)
	return err
}

// held is the yard's directory of held files.
type held struct{ *yard }

func (h held) Path(id string) string { return h.heldPath(id) }
func (h held) Wake()                 { h.release++ }

// recorder notes in the yard what the shipper reports.
type recorder struct{ *yard }

func (recorder) Head(ledger.Head)   {}
func (r recorder) Pass(err error)   { r.passes = append(r.passes, err) }
func (r recorder) Gap(g ledger.Gap) { r.gaps = append(r.gaps, string(g.Reason)) }
func (r recorder) File(event string, e ledger.Entry) {
	r.notes = append(r.notes, event+": "+e.Name)
}

func (y *yard) mustStart() {
	y.t.Helper()
	if err := y.start(); err != nil {
		y.t.Fatal(err)
	}
}

// add puts a held segment into the directory and the ledger.
func (y *yard) add(id, text string, edit func(*ledger.Entry)) {
	y.t.Helper()
	if err := os.MkdirAll(filepath.Join(y.dir, "held"), 0o700); err != nil {
		y.t.Fatal(err)
	}
	if err := os.WriteFile(y.heldPath(id), []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	e := ledger.Entry{
		ID: id, Name: "audit-" + id + ".log", Finished: true, State: ledger.Held,
		Rotated: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC),
	}
	if edit != nil {
		edit(&e)
	}
	if err := y.ledger.Add(e); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) state(id string) ledger.State {
	y.t.Helper()
	e, ok := y.ledger.Get(id)
	if !ok {
		y.t.Fatalf("no entry %s", id)
	}
	return e.State
}
