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

// The links follow the order of sealing, whatever the numbers are.
func TestSealLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "sealed")
	c := open(t, dir, Head{})
	if c.Head() != (Head{}) {
		t.Errorf("an empty chain has the head %+v", c.Head())
	}
	previous := ""
	for _, seq := range []int64{2, 5, 1, 123456789} {
		r := fileRecord(seq, noon)
		if seq == 5 {
			r = gapRecord(seq, noon)
		}
		r.Version, r.Previous, r.Cluster = 9, "wrong", "wrong" // Seal's to say
		s, err := c.Seal(r)
		must(t, err)
		data, err := os.ReadFile(s.Path)
		must(t, err)
		got, err := Decode(data)
		must(t, err)
		if got.Previous != previous || got.Identity != self || got.Seq != seq || !got.Time.Equal(noon) {
			t.Errorf("sealed as %s", data)
		}
		if (c.Head() != Head{seq, Hash(data)}) || s.SHA256 != Hash(data) || s.Size != int64(len(data)) || s.Seq != seq {
			t.Errorf("head %+v, sealed %+v of %d bytes with SHA-256 %s", c.Head(), s, len(data), Hash(data))
		}
		if b, err := c.Bytes(seq); err != nil || !bytes.Equal(b, data) {
			t.Errorf("Bytes: %q, %v", b, err)
		}
		previous = s.SHA256
	}
	if got := order(c); got != "2 5 1 123456789" {
		t.Errorf("sealed: %s", got)
	}
	again := open(t, dir, Head{})
	if order(again) != order(c) || again.Head() != c.Head() {
		t.Errorf("opened again: %s, head %+v", order(again), again.Head())
	}
	if _, err := os.Stat(filepath.Join(dir, "20261122T120000a1b2c3-00000002.json")); err != nil {
		t.Error(err)
	}
}

func TestI5_SealAgainGivesTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, Head{})
	first, err := c.Seal(fileRecord(1, noon))
	must(t, err)
	_, err = c.Seal(gapRecord(2, noon))
	must(t, err)
	for _, c := range []*Chain{c, open(t, dir, Head{})} {
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
	c := open(t, dir, Head{})
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
	if entries, _ := os.ReadDir(dir); len(entries) != 0 || c.Head() != (Head{}) {
		t.Errorf("left %v, head %+v", entries, c.Head())
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, Head{})
	for _, seq := range []int64{3, 1, 2} {
		_, err := c.Seal(fileRecord(seq, noon))
		must(t, err)
	}
	if err := c.Remove(1); !errors.Is(err, ErrOrder) {
		t.Errorf("removed 1 before 3: %v", err)
	}
	if err := c.Remove(9); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed 9: %v", err)
	}
	if _, err := c.Bytes(9); !errors.Is(err, ErrUnknown) {
		t.Errorf("bytes of 9: %v", err)
	}
	head := c.Head()
	for _, left := range []string{"1 2", "2", ""} {
		must(t, c.Remove(c.Sealed()[0].Seq))
		again := open(t, dir, head)
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
	if r, err := Decode(readBytes(t, c, 4)); err != nil || r.Previous != head.SHA256 {
		t.Errorf("%+v follows %s, %v; want %s", s, r.Previous, err, head.SHA256)
	}
}

func readBytes(t testing.TB, c *Chain, seq int64) []byte {
	t.Helper()
	data, err := c.Bytes(seq)
	must(t, err)
	return data
}

// A machine ID that is not UTF-8 is the same machine's the next time.
func TestMachineIDWithoutUTF8(t *testing.T) {
	dir, id := t.TempDir(), self
	id.MachineID = "\xff\xfe"
	for seq := range int64(2) {
		c, err := Open(durable.OS(), dir, id, Head{})
		must(t, err)
		_, err = c.Seal(fileRecord(seq+1, noon))
		must(t, err)
	}
}

func TestFileNames(t *testing.T) {
	for name, seq := range map[string]int64{
		"20261122T120000a1b2c3-00000001.json":            1,
		"20261122T120000a1b2c3-123456789.json":           123456789,
		"20261122T120000a1b2c3-9223372036854775807.json": 1<<63 - 1,
		"20261122T120000a1b2c3-9223372036854775808.json": 0,
		"20261122T120000a1b2c3-000000001.json":           0,
		"20261122T120000a1b2c3-0000001.json":             0,
		"20261122T120000a1b2c3-00000000.json":            0,
		"20261122T120000A1B2C3-00000001.json":            0,
		"20261122T120000a1b2c3-00000001.json.corrupt-1":  0,
		".20261122T120000a1b2c3-00000001.json.00.tmp":    0,
	} {
		epoch, got, ok := parseFileName(name)
		if got != seq || ok != (seq != 0) || ok && epoch != self.Epoch {
			t.Errorf("%s: epoch %q, number %d, %v", name, epoch, got, ok)
		}
	}
}

func FuzzParseFileName(f *testing.F) {
	f.Add("20261122T120000a1b2c3-00000001.json")
	f.Add("20261122T120000a1b2c3--0000001.json")
	f.Fuzz(func(t *testing.T, name string) {
		epoch, seq, ok := parseFileName(name)
		if ok && (fileName(epoch, seq) != name || seq < 1) {
			t.Fatalf("%q is taken for record %d of epoch %s", name, seq, epoch)
		}
	})
}

// The head in the ledger may be any record on disk, or the one before them.
func TestOpenAtAnyHead(t *testing.T) {
	records := chainOf(t, 4, -2, 3, 1)
	for removed := range 4 {
		for head := removed - 1; head < 4; head++ {
			h := Head{}
			if head >= 0 {
				h = headOf(t, records[head])
			}
			dir := sealedDir(t, records[removed:]...)
			must(t, os.WriteFile(filepath.Join(dir, "notes.json"), []byte("x"), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, ".x.0.tmp"), nil, 0o600))
			c := open(t, dir, h)
			if got, want := order(c), strings.TrimSpace(strings.Join([]string{"4", "2", "3", "1"}[removed:], " ")); got != want {
				t.Errorf("%d removed, head %d: sealed %s, want %s", removed, head, got, want)
			}
			if c.Head() != headOf(t, records[3]) {
				t.Errorf("%d removed, head %d: head %+v", removed, head, c.Head())
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); left != nil {
				t.Errorf("left %v", left)
			}
		}
	}
}

// I9: what does not join is never taken for a chain, and never touched.
func TestI9_BrokenDirectory(t *testing.T) {
	records := chainOf(t, 1, 2, 3, 4)
	fork := sealed(t, fileRecord(5, noon), Hash(records[1]))
	sameSeq := sealed(t, fileRecord(1, noon), Hash(records[3]))
	foreign := bytes.Replace(sealed(t, fileRecord(5, noon), Hash(records[3])), []byte("cp-1"), []byte("cp-2"), 1)
	clone := bytes.Replace(sealed(t, fileRecord(5, noon), Hash(records[3])), []byte("6f1e"), []byte("7000"), 1)
	newer := bytes.Replace(records[3], []byte(`"version":1`), []byte(`"version":2`), 1)
	write := func(dir string, seq int64, data []byte) string {
		must(t, os.WriteFile(filepath.Join(dir, fileName(self.Epoch, seq)), data, 0o600))
		return dir
	}
	for name, c := range map[string]struct {
		dir  string
		head Head
		want string
	}{
		"hole":             {sealedDir(t, records[0], records[2], records[3]), Head{}, "missing_previous 3"},
		"older ledger":     {sealedDir(t, records[2:]...), headOf(t, records[0]), "missing_previous 3"},
		"newer ledger":     {sealedDir(t, records[:2]...), headOf(t, records[3]), "missing_previous 1"},
		"new ledger":       {sealedDir(t, records[1:]...), Head{}, "missing_previous 2"},
		"head of no chain": {sealedDir(t, records...), Head{3, sum(3)}, "missing_previous 1"},
		"number of head":   {sealedDir(t, records...), Head{3, Hash(records[1])}, "missing_previous 1"},
		"head's number":    {sealedDir(t, sameSeq), Head{1, Hash(records[3])}, "missing_previous 1"},
		"fork":             {sealedDir(t, append(records, fork)...), Head{}, "fork 5"},
		"two beginnings":   {sealedDir(t, records[0], chainOf(t, 9)[0]), Head{}, "fork 9"},
		"foreign":          {sealedDir(t, append(records, foreign)...), Head{}, "foreign 5"},
		"another machine":  {sealedDir(t, append(records, clone)...), Head{}, "foreign 5"},
		"name and content": {write(sealedDir(t, records[0]), 2, records[2]), Head{}, "foreign 3"},
		"copied":           {write(sealedDir(t, records[0]), 2, records[0]), Head{}, "foreign 1"},
		"empty":            {write(sealedDir(t, records[0]), 2, nil), Head{}, "undecodable 2"},
		"NULs":             {write(sealedDir(t, records[0]), 2, make([]byte, 700)), Head{}, "undecodable 2"},
		"torn":             {write(sealedDir(t, records[:3]...), 2, records[1][:300]), Head{}, "undecodable 2, missing_previous 3"},
		"huge":             {write(sealedDir(t, records[0]), 2, make([]byte, MaxSize+1)), Head{}, "undecodable 2"},
		"downgrade":        {write(sealedDir(t, records[:3]...), 4, newer), Head{}, "newer 4"},
	} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, c.dir)
			_, err := Open(durable.OS(), c.dir, self, c.head)
			var broken *BrokenError
			if !errors.As(err, &broken) {
				t.Fatalf("opened: %v", err)
			}
			if got := kinds(broken.Findings); got != c.want {
				t.Errorf("found %s, want %s", got, c.want)
			}
			if !strings.Contains(err.Error(), c.dir) || !strings.Contains(err.Error(), "new epoch") {
				t.Errorf("the error says %q", err)
			}
			if snapshot(t, c.dir) != before {
				t.Error("the directory was changed")
			}
			// The way out: a new epoch begins beside what is there.
			next := self
			next.Epoch = "20261123T000000000000"
			fresh, err := Open(durable.OS(), c.dir, next, Head{})
			must(t, err)
			if n := len(fresh.Leftovers()); n != strings.Count(before, "\x00") {
				t.Errorf("%d leftovers", n)
			}
			_, err = fresh.Seal(gapRecord(1, noon))
			must(t, err)
		})
	}
}

// snapshot is a directory's names and contents; each file has one NUL.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var b strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		b.WriteString(e.Name() + "\x00" + Hash(data) + "\n")
	}
	return b.String()
}

func TestLeftovers(t *testing.T) {
	records := chainOf(t, 2, 1)
	dir := sealedDir(t, records...)
	must(t, os.WriteFile(filepath.Join(dir, fileName(self.Epoch, 3)), []byte("{"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, fileName(self.Epoch, 4)), records[0], 0o600))
	next := Identity{Cluster: "prod", Node: "renamed", Epoch: "20261123T000000000000"}
	c, err := Open(durable.OS(), dir, next, Head{})
	must(t, err)
	got := c.Leftovers()
	if len(got) != 4 || order(c) != "" {
		t.Fatalf("leftovers %+v, sealed %s", got, order(c))
	}
	for i, data := range [][]byte{records[1], records[0]} {
		l := got[i]
		if l.Err != nil || l.Identity != self || l.Seq != int64(i+1) || l.SHA256 != Hash(data) || l.Size != int64(len(data)) {
			t.Errorf("leftover %d: %+v", i, l)
		}
		if have, err := os.ReadFile(l.Path); err != nil || !bytes.Equal(have, data) {
			t.Errorf("leftover %d: %s, %v", i, have, err)
		}
	}
	for _, l := range got[2:] {
		if !errors.Is(l.Err, ErrInvalid) || l.Epoch != self.Epoch || l.Node != "" {
			t.Errorf("an unreadable leftover: %+v", l)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id   Identity
		head Head
	}{
		"identity":         {Identity{Cluster: "a/b", Node: "n", Epoch: self.Epoch}, Head{}},
		"head without sum": {self, Head{Seq: 1}},
		"head without seq": {self, Head{SHA256: sum(1)}},
		"head's sum":       {self, Head{Seq: 1, SHA256: "1"}},
	} {
		if _, err := Open(durable.OS(), t.TempDir(), c.id, c.head); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, fileName(self.Epoch, 1)), 0o700))
	_, err := Open(durable.OS(), dir, self, Head{})
	var broken *BrokenError
	if err == nil || errors.As(err, &broken) {
		t.Errorf("a record that cannot be read: %v", err) // it may be possible later
	}
}

// I5: what is sent is what was sealed, or nothing.
func TestI5_ChangedOnDisk(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, Head{})
	s, err := c.Seal(fileRecord(1, noon))
	must(t, err)
	data := readBytes(t, c, 1)
	for name, content := range map[string][]byte{
		"edited": bytes.Replace(data, []byte("98765"), []byte("98764"), 1),
		"empty":  nil,
		"longer": append(bytes.Clone(data), make([]byte, MaxSize)...),
	} {
		must(t, os.WriteFile(s.Path, content, 0o600))
		_, err := c.Bytes(1)
		_, again := c.Seal(fileRecord(1, noon))
		for _, err := range []error{err, again} {
			var broken *BrokenError
			if !errors.As(err, &broken) || kinds(broken.Findings) != "changed 1" {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestConcurrentSeals(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, Head{})
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
	if again := open(t, dir, Head{}); len(again.Sealed()) != 8 || order(again) != order(c) {
		t.Errorf("sealed %s, on disk %s", order(c), order(again))
	}
}
