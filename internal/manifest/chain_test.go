package manifest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// The numbers follow the order of sealing, whatever the seqs are, and each record has
// the checkpoint of the tree that ends with it.
func TestSealMakesATree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c, err := openAt(durable.OS(), dir, firstHead)
	must(t, err)
	if c.Head() != firstHead {
		t.Errorf("an empty chain has the head %+v", c.Head())
	}
	var tree Tree
	for i, seq := range []int64{2, 5, 1, 123456789} {
		r := fileRecord(seq, noon)
		if seq == 5 {
			r = gapRecord(seq, noon)
		}
		r.Version, r.Number, r.Checkpoint, r.Cluster = 9, 77, "wrong", "wrong" // Seal's to say
		s, err := c.Seal(r)
		must(t, err)
		data, err := os.ReadFile(s.Path)
		must(t, err)
		got := Read(data)
		must(t, got.Err)
		tree = tree.With(got.Leaf)
		if got.Number != int64(i+1) || got.Point.Root != tree.Root() || got.Identity != self || got.Seq != seq || !got.Time.Equal(noon) || got.ClockStepped {
			t.Errorf("sealed as %s", data)
		}
		if (got.Begins != nil) != (i == 0) {
			t.Errorf("record %d says that the epoch begins: %+v", i+1, got.Begins)
		}
		if c.Head() != got.Head() || s.Head != got.Head() || s.SHA256 != Sum(data) || s.Size != int64(len(data)) {
			t.Errorf("head %+v, sealed %+v of %d bytes with SHA-256 %s", c.Head(), s, len(data), Sum(data))
		}
		if b, err := c.read(s); err != nil || !bytes.Equal(b, data) {
			t.Errorf("Bytes: %q, %v", b, err)
		}
	}
	if got := order(c); got != "2 5 1 123456789" {
		t.Errorf("sealed: %s", got)
	}
	again := open(t, dir, firstHead)
	if order(again) != order(c) || again.Head() != c.Head() {
		t.Errorf("opened again: %s, head %+v", order(again), again.Head())
	}
	if _, err := os.Stat(filepath.Join(dir, "sealed", "0001-000000000001-20261122T120000a1b2c3-00000002.json")); err != nil {
		t.Error(err)
	}
}

// A clock that is set back by more than the tolerance is said, once.
func TestSealSaysThatTheClockStepped(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	for i, at := range []time.Duration{0, time.Hour, time.Hour - ClockTolerance, 0, time.Second, -time.Hour} {
		if i == 5 { // the last time is in the ledger
			for _, s := range c.Sealed() {
				must(t, c.Keep(s))
				must(t, c.Remove(s))
			}
			c = open(t, dir, c.StoredHead())
		}
		s, err := c.Seal(gapRecord(int64(i+1), noon.Add(at)))
		must(t, err)
		r, err := Decode(readBytes(t, c, s))
		if err != nil || r.ClockStepped != (i == 3 || i == 5) {
			t.Errorf("record %d at %s: %v, %v", i+1, at, r.ClockStepped, err)
		}
	}
}

func TestI5_SealAgainGivesTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	first, err := c.Seal(fileRecord(1, noon))
	must(t, err)
	_, err = c.Seal(gapRecord(2, noon))
	must(t, err)
	for _, c := range []*Chain{c, open(t, dir, firstHead)} {
		if s, err := c.Seal(fileRecord(1, noon.Add(time.Hour))); err != nil || s != first {
			t.Errorf("sealed again: %+v, %v; want %+v", s, err, first)
		}
		other := fileRecord(1, noon)
		other.Objects[0].Rows++
		if s, err := c.Seal(other); !errors.Is(err, ErrConflict) {
			t.Errorf("other content: %+v, %v", s, err)
		}
		if _, err := c.Seal(gapRecord(1, noon)); !errors.Is(err, ErrConflict) {
			t.Errorf("another kind: %v", err)
		}
		if order(c) != "1 2" || c.Head().Seq != 2 {
			t.Errorf("sealed %s, head %+v", order(c), c.Head())
		}
	}
}

func TestSealRefuses(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	for name, r := range map[string]Record{
		"seq 0":        fileRecord(0, noon),
		"seq negative": gapRecord(-1, noon),
		"no time":      {Kind: KindGap, Seq: 1, Gaps: []Gap{{Reason: continuity.ReasonPruned}}},
		"no content":   {Kind: KindFile, Seq: 1, Time: At(noon)},
	} {
		if _, err := c.Seal(r); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(c.Dir()); len(entries) != 0 || c.Head() != firstHead {
		t.Errorf("left %v, head %+v", entries, c.Head())
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	for _, seq := range []int64{3, 1, 2} {
		_, err := c.Seal(fileRecord(seq, noon))
		must(t, err)
	}
	all := c.Sealed()
	if err := c.Remove(all[0]); !errors.Is(err, ErrOrder) {
		t.Errorf("removed a record whose leaf is not kept: %v", err)
	}
	if err := c.Keep(all[1]); !errors.Is(err, ErrOrder) {
		t.Errorf("kept the leaf of 1 before that of 3: %v", err)
	}
	must(t, c.Keep(all[0]))
	if err := c.Remove(all[1]); !errors.Is(err, ErrOrder) {
		t.Errorf("removed 1 before 3: %v", err)
	}
	if err := c.Remove(Sealed{Head: Head{Number: 9}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed 9: %v", err)
	}
	head := c.Head()
	for i, left := range []string{"1 2", "2", ""} {
		must(t, c.Keep(all[i]))
		must(t, c.Keep(all[i])) // again, after a ledger that could not be written
		must(t, c.Remove(all[i]))
		again := open(t, dir, all[i].Head)
		if order(c) != left || order(again) != left || c.Head() != head || again.Head() != head {
			t.Errorf("left %q, after opening %q, heads %+v %+v; want %q", order(c), order(again), c.Head(), again.Head(), left)
		}
	}
	for _, c := range []*Chain{c, open(t, dir, head)} {
		if _, err := c.Seal(fileRecord(2, noon)); !errors.Is(err, ErrRemoved) {
			t.Errorf("sealed the removed head again: %v", err)
		}
	}
	s, err := c.Seal(fileRecord(4, noon))
	must(t, err)
	if r, err := Decode(readBytes(t, c, s)); err != nil || r.Number != 4 || r.Begins != nil {
		t.Errorf("sealed %+v, %v", r, err)
	}
}

func readBytes(t testing.TB, c *Chain, s Sealed) []byte {
	t.Helper()
	data, err := c.read(s)
	must(t, err)
	return data
}

// A machine ID that is not UTF-8 is the same machine's the next time.
func TestMachineIDWithoutUTF8(t *testing.T) {
	dir, id := t.TempDir(), self
	id.MachineID = "\xff\xfe"
	for seq := range int64(2) {
		c, err := Open(durable.OS(), dir, id, Begins{Reason: BeginNew}, firstHead)
		must(t, err)
		_, err = c.Seal(fileRecord(seq+1, noon))
		must(t, err)
	}
}

func TestFileNames(t *testing.T) {
	const epoch = "20261122T120000a1b2c3"
	for name, number := range map[string]int64{
		"0001-000000000001-" + epoch + "-00000007.json":           1,
		"9999-123456789012345-" + epoch + "-00000001.json":        123456789012345,
		"0001-9223372036854775807-" + epoch + "-00000001.json":    1<<63 - 1,
		"0001-9223372036854775808-" + epoch + "-00000001.json":    0,
		"0001-0000000000001-" + epoch + "-00000001.json":          0,
		"0001-00000000001-" + epoch + "-00000001.json":            0,
		"0001-000000000000-" + epoch + "-00000001.json":           0,
		"0000-000000000001-" + epoch + "-00000001.json":           0,
		"1-000000000001-" + epoch + "-00000001.json":              0,
		"0001-000000000001-" + epoch + "-00000000.json":           0,
		"0001-000000000001-" + epoch + "-0000001.json":            0,
		"0001-000000000001-20261122T120000A1B2C3-00000001.json":   0,
		"0001-000000000001-" + epoch + "-00000001.json.corrupt-1": 0,
		".0001-000000000001-" + epoch + "-00000001.json.00.tmp":   0,
		"20261122T120000a1b2c3-00000001.json":                     0,
	} {
		got, ok := parseFileName(name)
		if ok != (number != 0) || ok && (got.Number != number || got.Epoch != epoch) {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func FuzzParseFileName(f *testing.F) {
	f.Add("0001-000000000001-20261122T120000a1b2c3-00000001.json")
	f.Add("0001-00000000000--20261122T120000a1b2c3--0000001.json")
	f.Fuzz(func(t *testing.T, name string) {
		h, ok := parseFileName(name)
		if ok && (fileName(h) != name || h.Seq < 1 || h.Number < 1 || h.Tree < 1) {
			t.Fatalf("%q is taken for %+v", name, h)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id   Identity
		head Head
	}{
		"cluster": {Identity{Cluster: "a/b", Node: "n", Epoch: self.Epoch}, Head{}},
		"node":    {Identity{Cluster: "a", Epoch: self.Epoch}, firstHead},
		"epoch":   {Identity{Cluster: "a", Node: "n", Epoch: "x"}, firstHead},
	} {
		if _, err := Open(durable.OS(), t.TempDir(), c.id, Begins{}, c.head); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, SealedDir, fileName(Head{Tree: 1, Number: 1, Epoch: self.Epoch, Seq: 1})), 0o700))
	_, err := openAt(durable.OS(), dir, firstHead)
	var broken *BrokenError
	if err == nil || errors.As(err, &broken) {
		t.Errorf("a record that cannot be read: %v", err) // it may be possible later
	}
}

// I5: the sealed bytes are sent, or nothing.
func TestI5_ChangedOnDisk(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	s, err := c.Seal(fileRecord(1, noon))
	must(t, err)
	data := readBytes(t, c, s)
	for name, content := range map[string][]byte{
		"edited": bytes.Replace(data, []byte("98765"), []byte("98764"), 1),
		"empty":  nil,
		"longer": append(bytes.Clone(data), make([]byte, MaxSize)...),
	} {
		must(t, os.WriteFile(s.Path, content, 0o600))
		_, err := c.read(s)
		_, again := c.Seal(fileRecord(1, noon))
		for _, err := range []error{err, again} {
			var broken *BrokenError
			if !errors.As(err, &broken) || !strings.Contains(broken.Detail, "differs from the sealed one") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestConcurrentSeals(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	var group sync.WaitGroup
	for seq := range int64(16) {
		group.Go(func() {
			for range 2 { // the second time it is there
				if _, err := c.Seal(fileRecord(seq/2+1, noon)); err != nil {
					t.Error(err)
				}
				c.Head()
				c.Sealed()
			}
		})
	}
	group.Wait()
	if again := open(t, dir, firstHead); len(again.Sealed()) != 8 || order(again) != order(c) {
		t.Errorf("sealed %s, on disk %s", order(c), order(again))
	}
}
