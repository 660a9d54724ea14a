package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// inArchive yields the archive's records, each under the key of its number.
func inArchive(records ...[]byte) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for _, data := range records {
			e := Read(data)
			if !yield(Stored{Number: e.Number, Entry: e}, nil) {
				return
			}
		}
	}
}

// under yields bytes under the key of another number, after the others.
func under(number int64, data []byte, after iter.Seq2[Stored, error]) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		after(yield)
		yield(Stored{Number: number, Entry: Read(data)}, nil)
	}
}

// A chain continues the tree from the leaves on this disk and the records of the
// archive, or says why it cannot.
func TestI9_Join(t *testing.T) {
	records := chainOf(t, 1, 2, 3, 4, 5)
	other := chainOf(t, 1, 2, 9, 4, 5)
	bad := bytes.Replace(records[2], []byte(`"lines":98765`), []byte(`"lines":98764`), 1)
	for name, c := range map[string]struct {
		leaves  int // on this disk
		head    int // in the ledger
		archive iter.Seq2[Stored, error]
		sealed  [][]byte
		want    string // records, sealed ones, leftovers; or the reason
	}{
		"nothing":                         {0, 0, inArchive(), nil, "0 0 0"},
		"all from the archive":            {0, 0, inArchive(records...), nil, "5 0 0"},
		"the last leaf is proven":         {3, 0, inArchive(records[2:]...), nil, "5 0 0"},
		"the ledger knows the leaves":     {3, 3, inArchive(records[3:]...), nil, "5 0 0"},
		"nothing later":                   {3, 3, inArchive(), nil, "3 0 0"},
		"copies":                          {0, 0, inArchive(records[0], records[1], bad, records[2], records[2]), nil, "3 0 0"},
		"and what is sealed":              {2, 2, inArchive(records[2]), records[3:], "3 2 0"},
		"sealed, stored and not removed":  {3, 0, inArchive(records[2:4]...), records[2:], "4 1 0"},
		"sealed, of another tree":         {0, 0, inArchive(records[:2]...), other[2:], "2 3 0"},
		"sealed, with a hole before":      {0, 0, inArchive(records[:2]...), records[3:], "2 0 0"},
		"damaged in the archive, sealed":  {0, 0, under(3, bad[:100], inArchive(records[:2]...)), records[2:3], "2 1 0"},
		"leaves that nothing proves":      {3, 0, inArchive(), nil, "proves the leaves"},
		"leaves of another tree":          {3, 0, inArchive(other[2:]...), nil, "no record 4, but record 4"},
		"a hole":                          {0, 0, inArchive(records[0], records[2]), nil, "no record 2, but record 3"},
		"no beginning":                    {0, 0, inArchive(records[1:]...), nil, "no record 1, but record 2"},
		"a changed record":                {0, 0, inArchive(records[0], records[1], bad, records[3]), nil, "no record 3, but record 4: its checkpoint"},
		"a changed record at the end":     {0, 0, inArchive(records[0], records[1], bad), nil, "record 3 of the archive: its checkpoint"},
		"an unreadable record at the end": {0, 0, under(3, bad[:100], inArchive(records[:2]...)), nil, "record 3 of the archive: decode record"},
		"fewer than the ledger knows":     {0, 4, inArchive(records[:3]...), nil, "no record 4"},
		"others than the ledger knows":    {0, 4, inArchive(other[:4]...), nil, "no record 4: it is not the record that this node had stored"},
		"a record under another's number": {0, 0, under(3, records[3], inArchive(records[:2]...)), nil, "record 3 of the archive"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stateDir(t, records[:c.leaves], c.sealed...)
			chain, err := openAt(durable.OS(), dir, Head{})
			must(t, err)
			var head Head
			if c.head > 0 {
				head = headOf(t, records[c.head-1])
			}
			err = chain.Join(1, head, int64(c.leaves), nil, c.archive)
			if err != nil {
				if !errors.Is(err, ErrNotContinued) || !strings.Contains(err.Error(), c.want) || chain.Joined() {
					t.Errorf("%v, want %s", err, c.want)
				}
				must(t, chain.Begin(2, err.Error()))
				s, err := chain.Seal(gapRecord(1, noon))
				must(t, err)
				e := Read(readBytes(t, chain, s))
				if e.Point.Tree != 2 || e.Number != 1 || e.Begins == nil || e.Begins.Reason != BeginStateLost || !strings.Contains(e.Begins.Detail, c.want) {
					t.Errorf("the next tree begins with %+v, %+v", e.Point, e.Begins)
				}
				return
			}
			got := fmt.Sprint(chain.base.Size(), len(chain.Sealed()), len(chain.Leftovers()))
			if got != c.want {
				t.Errorf("joined %s, want %s", got, c.want)
			}
			if reason := chain.Begins().Reason; (reason == BeginStateLost) != (chain.base.Size() > 0) {
				t.Errorf("the epoch begins for %s", reason)
			}
			s, err := chain.Seal(gapRecord(99, noon))
			must(t, err)
			if want := chain.base.Size() + int64(len(chain.Sealed())); s.Number != want {
				t.Errorf("the next record has number %d, want %d", s.Number, want)
			}
			// The present state on disk is enough for the next start.
			again := open(t, dir, chain.StoredHead())
			if again.Head() != s.Head {
				t.Errorf("opened again: %+v, want %+v", again.Head(), s.Head)
			}
		})
	}
}

// With a key of this node, records without a signature that it knows do not continue
// the tree.
func TestJoinFollowsSignatures(t *testing.T) {
	one, two := testKey(t, 1), testKeyFrom(t, 2, 1)
	signed := func(keys ...*SigningKey) (records [][]byte) {
		var tree Tree
		var last *SigningKey
		for i, key := range keys {
			r := gapRecord(int64(i+1), noon)
			if key != nil && key != last {
				r = keyRecord(int64(i+1), key)
			}
			records = append(records, sealedAfter(t, tree, r, key))
			tree, last = tree.With(leafOf(records[i])), key
		}
		return records
	}
	for name, c := range map[string]struct {
		records [][]byte
		trust   Trust
		ok      bool
	}{
		"from the first key on":  {signed(nil, one, one, two, two), Trust{}, true},
		"after the key in force": {signed(one, one, two, two)[2:], Trust{Current: one.Vkey}, true},
		"a key without consent":  {signed(one, one, testKey(t, 3), testKey(t, 3)), Trust{}, false},
		"unsigned after signed":  {signed(one, one, nil), Trust{}, true},
		"unsigned, then signed":  {signed(one, one, nil, one), Trust{}, true},
		"the key of the next":    {signed(one, one, two, two)[3:], Trust{Given: two.Signers()}, true},
		"signed by another":      {signed(one, testKey(t, 3), testKey(t, 3))[2:], Trust{Given: two.Signers()}, false},
	} {
		t.Run(name, func(t *testing.T) {
			all := slices.Clone(c.records)
			first := Read(all[0]).Number
			before := int(first - 1)
			var leaves [][]byte
			switch {
			case c.trust.Given != nil: // the first proves the leaves
				leaves = signed(one, one, two, two)[:first]
				if !c.ok {
					leaves = signed(one, testKey(t, 3), testKey(t, 3))[:first]
				}
				before++
			case before > 0:
				leaves = signed(one, one, two, two)[:before]
			}
			chain, err := openAt(durable.OS(), stateDir(t, leaves), Head{})
			must(t, err)
			var head Head
			if c.trust.Current != "" {
				head = headOf(t, leaves[before-1])
			}
			trust := c.trust
			err = chain.Join(1, head, int64(before), &trust, inArchive(all...))
			if (err == nil) != c.ok {
				t.Errorf("joined: %v", err)
			}
		})
	}
}

// Other distinguishes records of a later life of this state from records of this one, and from
// damage.
func TestI10_Other(t *testing.T) {
	records, other := chainOf(t, 1, 2, 3, 4), chainOf(t, 1, 2, 9, 4)
	c := open(t, stateDir(t, records[:2], records[2]), headOf(t, records[1]))
	for name, test := range map[string]struct {
		data []byte
		want bool
	}{
		"what is sealed here":      {records[2], false},
		"another under its number": {other[2], true},
		"after what is sealed":     {records[3], true},
		"after another":            {other[3], false},
		"before":                   {records[1], false},
		"damaged":                  {bytes.Replace(other[2], []byte("98765"), []byte("98764"), 1), false},
		"torn":                     {other[2][:100], false},
		"of another node":          {bytes.ReplaceAll(other[2], []byte("cp-1"), []byte("cp-2")), false},
	} {
		if got := c.Other(Read(test.data)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	c.SignWith(testKey(t, 1))
	if c.Other(Read(other[2])) {
		t.Error("a record without the signature of this key is one of this state")
	}
	tree := treeOfLeaves([]Hash{leafOf(records[0]), leafOf(records[1])})
	if !c.Other(Read(sealedAfter(t, tree, gapRecord(9, noon), testKey(t, 1)))) {
		t.Error("a record with the signature of this key is not one of this state")
	}
}
