package shipper

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// memoryStore is an archive in memory: immutable, and it says no on demand.
type memoryStore struct {
	objects map[string][]byte
	puts    int
	fail    func(key string) error
	findErr error
	treeErr error // of the tree's records
	// unlisted finds nothing: the archive may not be listed.
	unlisted bool
	// fetchErr fails reading.
	fetchErr error
	lose     bool // take the object, then fail, as a lost answer does
	// fault is what happens at the n-th PUT (from 1) under a free key.
	fault func(n int) fault
	taken int // PUTs under free keys
}

// fault is the behaviour of a store at one PUT.
type fault string

const (
	damaged     fault = "damaged"                 // other bytes are stored; reading them back shows it
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

func (keys) Rollup(tree int, day, ext string) string {
	return fmt.Sprintf("rollups/%d-%s.%s", tree, day, ext)
}

func (keys) Record(_, _ string, r manifest.Head) string {
	return fmt.Sprintf("manifests/%d-%08d-%s-%08d", r.Tree, r.Number, r.Epoch, r.Seq)
}

// recordKeys are the keys of the records of a tree, in order; 0: of all trees.
func (m *memoryStore) recordKeys(tree int) []string {
	prefix := "manifests/"
	if tree > 0 {
		prefix += fmt.Sprint(tree, "-")
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.objects)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// numberIn is the number in a record's key.
func numberIn(key string) int64 {
	n, _ := strconv.ParseInt(strings.Split(key, "-")[1], 10, 64)
	return n
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

// wantChain checks that all records are one tree, and that no number of an epoch is
// missing.
func (m *memoryStore) wantChain(t testing.TB) {
	t.Helper()
	inEpoch, lastSeq := map[string]int64{}, map[string]int64{}
	var tree manifest.Tree
	current := m.current()
	for _, key := range m.recordKeys(1) {
		if current[key] == nil {
			continue
		}
		e := manifest.Read(current[key])
		if tree = tree.With(e.Leaf); e.Err != nil || e.Number != tree.Size() || e.Point.Root != tree.Root() || e.Point.Tree != 1 {
			t.Errorf("%s is not the next record of the tree: %v, %s", key, e.Err, current[key])
		}
		if (e.Begins != nil) != (inEpoch[e.Epoch] == 0) {
			t.Errorf("%s says that its epoch begins: %v", key, e.Begins)
		}
		inEpoch[e.Epoch], lastSeq[e.Epoch] = inEpoch[e.Epoch]+1, max(lastSeq[e.Epoch], e.Seq)
	}
	for epoch, n := range inEpoch {
		if last := lastSeq[epoch]; last != n { // verify reports record_missing
			t.Errorf("epoch %s: %d records, the last is number %d", epoch, n, last)
		}
	}
	if keys := m.recordKeys(2); len(keys) > 0 {
		t.Errorf("another tree has begun: %q", keys)
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
		if strings.HasPrefix(key, "manifests/") || strings.HasPrefix(key, "rollups/") || strings.HasPrefix(key, "open/") || named[key] {
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
	for _, key := range m.recordKeys(0) {
		if id := strings.SplitN(key, "-", 3)[2]; !strings.HasPrefix(id, epoch) {
			return id, m.findErr
		}
	}
	return "", m.findErr
}

// Tree implements Store.
func (m *memoryStore) Tree(context.Context) (last int, err error) {
	for len(m.recordKeys(last+1)) > 0 {
		last++
	}
	if m.unlisted {
		return 0, ErrUnlisted
	}
	return last, m.treeErr
}

// Records implements Store.
func (m *memoryStore) Records(_ context.Context, tree int, from int64) iter.Seq2[manifest.Stored, error] {
	return func(yield func(manifest.Stored, error) bool) {
		if m.unlisted {
			yield(manifest.Stored{}, ErrUnlisted)
			return
		}
		for _, key := range m.recordKeys(tree) {
			if n := numberIn(key); n >= from && !yield(manifest.Stored{Number: n, Entry: manifest.Read(m.objects[key])}, m.treeErr) {
				return
			}
		}
	}
}

// Rollups implements Store.
func (m *memoryStore) Rollups(_ context.Context, tree int) (names []string, err error) {
	if m.unlisted {
		return nil, ErrUnlisted
	}
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, fmt.Sprintf("rollups/%d-", tree)) && strings.Contains(key, ".json") {
			names = append(names, key)
		}
	}
	return names, m.treeErr
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

// faulty stores the bytes, changed by the fault, under a free key.
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
		if strings.HasPrefix(key, "manifests/") || strings.HasPrefix(key, "rollups/") || strings.HasPrefix(key, "open/") {
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
