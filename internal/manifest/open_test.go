package manifest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// The head in the ledger is the last record that was removed, or the first that is
// still there.
func TestOpenAtAnyHead(t *testing.T) {
	records := chainOf(t, 4, -2, 3, 1)
	for kept := range 5 { // leaves
		for head := max(0, kept-1); head <= kept; head++ { // in the ledger
			for removed := max(0, head-1); removed <= head; removed++ {
				h := firstHead
				if head > 0 {
					h = headOf(t, records[head-1])
				}
				dir := stateDir(t, records[:kept], records[removed:]...)
				must(t, os.WriteFile(filepath.Join(dir, SealedDir, "notes.json"), []byte("x"), 0o600))
				must(t, os.WriteFile(filepath.Join(dir, SealedDir, ".x.0.tmp"), nil, 0o600))
				c := open(t, dir, h)
				if got, want := order(c), strings.TrimSpace(strings.Join([]string{"4", "2", "3", "1"}[removed:], " ")); got != want {
					t.Errorf("%d kept, head %d, %d removed: sealed %s, want %s", kept, head, removed, got, want)
				}
				if c.Head() != headOf(t, records[3]) {
					t.Errorf("%d kept, head %d, %d removed: head %+v", kept, head, removed, c.Head())
				}
				if left, _ := filepath.Glob(filepath.Join(dir, SealedDir, ".*.tmp")); left != nil {
					t.Errorf("left %v", left)
				}
			}
		}
	}
}

// Leaves that are not those of the head are not joined.
func TestI9_DamagedLeaves(t *testing.T) {
	records := chainOf(t, 1, 2, 3, 4)
	head := headOf(t, records[2])
	good, err := os.ReadFile(filepath.Join(stateDir(t, records[:3]), LeavesName))
	must(t, err)
	flipped := bytes.Clone(good)
	flipped[40] ^= 1
	for name, c := range map[string]struct {
		leaves []byte
		joined bool
	}{
		"whole":                  {good, true},
		"more than the head has": {append(bytes.Clone(good), make([]byte, 32)...), true},
		"a torn one more":        {append(bytes.Clone(good), 1, 2, 3), true},
		"short":                  {good[:64], false},
		"torn":                   {good[:95], false},
		"a bit":                  {flipped, false},
		"NULs":                   {make([]byte, 96), false},
		"empty":                  {nil, false},
	} {
		dir := stateDir(t, nil, records[3])
		must(t, os.WriteFile(filepath.Join(dir, LeavesName), c.leaves, 0o600))
		chain, err := openAt(durable.OS(), dir, head)
		must(t, err)
		if chain.Joined() != c.joined {
			t.Errorf("%s: joined %v", name, chain.Joined())
		}
		n, err := chain.Leaves(head)
		if want := map[bool]int64{true: 3}[c.joined]; err != nil || n != want {
			t.Errorf("%s: %d leaves, %v", name, n, err)
		}
		if _, err := chain.Seal(fileRecord(5, noon)); errors.Is(err, ErrNotJoined) == c.joined {
			t.Errorf("%s: sealed: %v", name, err)
		}
		if c.joined {
			continue
		}
		leaves, err := chain.Leaves(head)
		must(t, err)
		must(t, chain.Join(1, head, leaves, nil, inArchive(records[:3]...)))
		if s, err := chain.Seal(fileRecord(5, noon)); err != nil || s.Number != 5 {
			t.Errorf("%s: made again from the archive: %+v, %v", name, s, err)
		}
	}
}

// I9: a record that does not join is never taken for a chain, and never touched.
func TestI9_BrokenDirectory(t *testing.T) {
	records := chainOf(t, 1, 2, 3, 4)
	other := chainOf(t, 1, 2, 7, 4)
	sameSeq := headOf(t, records[1])
	sameSeq.Seq = 9
	newer := bytes.Replace(records[3], []byte(`"version":1`), []byte(`"version":2`), 1)
	second := headOf(t, records[1])
	for name, c := range map[string]struct {
		dir  string
		head Head
		want string
	}{
		"hole":             {stateDir(t, nil, records[0], records[2], records[3]), firstHead, "000003"},
		"older ledger":     {stateDir(t, records[:1], records[2:]...), headOf(t, records[0]), "000003"},
		"newer ledger":     {stateDir(t, records, records[:2]...), headOf(t, records[3]), "000001"},
		"new ledger":       {stateDir(t, nil, records[1:]...), firstHead, "000002"},
		"another tree":     {stateDir(t, records[:2], records[2], other[3]), second, "000004"},
		"fork":             {stateDir(t, records[:2], records[2], other[2]), second, "000003"},
		"name and content": {write(t, stateDir(t, nil, records[0]), headOf(t, records[1]), records[2]), firstHead, "is record 3"},
		"copied":           {write(t, stateDir(t, nil, records[0]), headOf(t, records[1]), records[0]), firstHead, "is record 1"},
		"another seq":      {write(t, stateDir(t, nil, records[0]), sameSeq, records[1]), firstHead, "is record 2"},
		"empty":            {write(t, stateDir(t, nil, records[0]), second, nil), firstHead, ErrInvalid.Error()},
		"NULs":             {write(t, stateDir(t, nil, records[0]), second, make([]byte, 700)), firstHead, ErrInvalid.Error()},
		"torn":             {write(t, stateDir(t, nil, records[:3]...), second, records[1][:300]), firstHead, ErrInvalid.Error()},
		"huge":             {write(t, stateDir(t, nil, records[0]), second, make([]byte, MaxSize+1)), firstHead, ErrInvalid.Error()},
		"downgrade":        {write(t, stateDir(t, nil, records[:3]...), headOf(t, records[3]), newer), firstHead, ErrNewer.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, c.dir)
			_, err := openAt(durable.OS(), c.dir, c.head)
			var broken *BrokenError
			if !errors.As(err, &broken) {
				t.Fatalf("opened: %v", err)
			}
			if !strings.Contains(broken.Detail, c.want) {
				t.Errorf("found %s, want %s", broken.Detail, c.want)
			}
			if !strings.Contains(err.Error(), c.dir) || !strings.Contains(err.Error(), "new epoch") {
				t.Errorf("the error says %q", err)
			}
			if snapshot(t, c.dir) != before {
				t.Error("the directory was changed")
			}
		})
	}
}

// snapshot is the names and contents of the sealed records; each file has one NUL.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	dir = filepath.Join(dir, SealedDir)
	entries, err := os.ReadDir(dir)
	must(t, err)
	var b strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		b.WriteString(e.Name() + "\x00" + Sum(data) + "\n")
	}
	return b.String()
}

// Records of another node are left over; other files are set aside.
func TestLeftovers(t *testing.T) {
	records := chainOf(t, 2, 1)
	dir := stateDir(t, nil, records...)
	third, fourth := headOf(t, records[0]), headOf(t, records[0])
	third.Number, fourth.Number = 3, 4
	write(t, dir, third, []byte("{"))
	write(t, dir, fourth, records[0])
	next := Identity{Cluster: "prod", Node: "renamed", Epoch: "20261123T000000000000"}
	c, err := Open(durable.OS(), dir, next, Begins{Reason: BeginOwner}, Head{})
	must(t, err)
	must(t, c.Begin(1, ""))
	got := c.Leftovers()
	if len(got) != 2 || order(c) != "" {
		t.Fatalf("leftovers %+v, sealed %s", got, order(c))
	}
	for i, data := range records {
		l := got[i]
		if l.Cluster != self.Cluster || l.Node != self.Node || l.Head != headOf(t, data) || l.SHA256 != Sum(data) || l.Size != int64(len(data)) {
			t.Errorf("leftover %d: %+v", i, l)
		}
		if have, err := os.ReadFile(l.Path); err != nil || !bytes.Equal(have, data) {
			t.Errorf("leftover %d: %s, %v", i, have, err)
		}
	}
	aside, err := filepath.Glob(filepath.Join(dir, SealedDir, "*.corrupt-*"))
	if err != nil || len(aside) != 2 {
		t.Errorf("set aside: %q, %v", aside, err)
	}
}
