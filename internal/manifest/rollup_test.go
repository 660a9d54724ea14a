package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const rollupPage = "../../docs/spec/rollup.md"

// day is a rollup of three records after one, and the leaves of all four.
func day(t *testing.T, key *SigningKey) (*Rollup, []Hash) {
	t.Helper()
	var tree Tree
	var leaves []Hash
	var r *Rollup
	yesterday := Record{Kind: KindHeartbeat, Seq: 2, Time: At(noon.Add(-12*time.Hour - 1)), Heartbeat: &Heartbeat{Every: 3600}}
	for i, record := range []Record{yesterday, fileRecord(3, noon), gapRecord(4, noon.Add(time.Second)), redactedRecord(5)} {
		if i == 1 {
			r = NewRollup("prod", "cp-1", 1, tree)
		}
		e := Read(sealedAfter(t, tree, record, key))
		must(t, e.Err)
		tree, leaves = tree.With(e.Leaf), append(leaves, e.Leaf)
		if r != nil {
			r.Add(&e)
		}
	}
	return r, leaves
}

// treeOfLeaves is the tree of some leaves.
func treeOfLeaves(leaves []Hash) (t Tree) {
	for _, leaf := range leaves {
		t = t.With(leaf)
	}
	return t
}

// treeUpTo gives the tree of the first leaves, at most all.
func treeUpTo(leaves []Hash) func(int64) (Tree, error) {
	return func(records int64) (Tree, error) { return treeOfLeaves(leaves[:min(records, int64(len(leaves)))]), nil }
}

// The rollup of the specification, made here and checked without code of ours.
func TestRollupSpecification(t *testing.T) {
	r, leaves := day(t, testKey(t, 1))
	asJSON, _, err := r.Seal(testKey(t, 1))
	must(t, err)
	page, err := os.ReadFile(rollupPage)
	must(t, err)
	_, vector, _ := strings.Cut(string(page), "## Vector")
	blocks := regexp.MustCompile("(?s)```\n(.*?\n)```").FindAllStringSubmatch(vector, -1)
	if len(blocks) != 2 || blocks[0][1] != string(asJSON) {
		t.Fatalf("%s does not have the rollup\n%s", rollupPage, asJSON)
	}
	var got struct {
		From, To      int64
		Start, Leaves [][]byte
		Head, Note    string
	}
	must(t, json.Unmarshal([]byte(blocks[0][1]), &got))
	vkey, err := note.NewVerifier(strings.TrimSpace(blocks[1][1]))
	must(t, err)
	signed, err := note.Open([]byte(got.Note), note.VerifierList(vkey))
	must(t, err)
	line := blocks[0][1][:strings.LastIndex(blocks[0][1], `,"note":"`)] + "}"
	sum := sha256.Sum256([]byte(line))
	if want := "auditsidecar rollup\nauditsidecar/prod/cp-1\n2026-11-22\n" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"; signed.Text != want {
		t.Errorf("signed %q, want %q", signed.Text, want)
	}
	head, err := note.Open([]byte(got.Head), note.VerifierList(vkey))
	must(t, err)
	if got.From != 2 || got.To != 4 || len(got.Start) != 1 || len(got.Leaves) != 3 {
		t.Fatalf("%+v", got)
	}
	hash := func(b []byte) (h tlog.Hash) { copy(h[:], b); return h }
	root := tlog.NodeHash(tlog.NodeHash(hash(got.Start[0]), hash(got.Leaves[0])), tlog.NodeHash(hash(got.Leaves[1]), hash(got.Leaves[2])))
	if !strings.HasSuffix(head.Text, "\n4\n"+root.String()+"\n") {
		t.Errorf("the leaves lead to %s, the head is %q", root, head.Text)
	}
	if n, err := LastOf(asJSON, treeUpTo(leaves), testKey(t, 1)); n != 4 || err != nil {
		t.Errorf("its last record is %d, %v", n, err)
	}
}

// Both forms say the same, and the same records give the same bytes.
func TestRollupForms(t *testing.T) {
	for name, key := range map[string]*SigningKey{"signed": testKey(t, 1), "unsigned": nil} {
		r, _ := day(t, key)
		asJSON, asParquet, err := r.Seal(key)
		must(t, err)
		again, _ := day(t, key)
		sameJSON, sameParquet, err := again.Seal(key)
		must(t, err)
		if !bytes.Equal(asJSON, sameJSON) || !bytes.Equal(asParquet, sameParquet) {
			t.Errorf("%s: other bytes the second time", name)
		}
		var fromJSON Rollup
		must(t, json.Unmarshal(asJSON, &fromJSON))
		path := filepath.Join(t.TempDir(), "x.parquet")
		must(t, os.WriteFile(path, asParquet, 0o600))
		rows, err := pq.ReadFile[Rollup](path)
		must(t, err)
		if fromJSON.Parquet != Sum(asParquet) {
			t.Errorf("%s: the JSON form has %s of the Parquet form, which is %s", name, fromJSON.Parquet, Sum(asParquet))
		}
		fromJSON.Note, fromJSON.Parquet = "", ""
		micros := func(times ...*time.Time) {
			for _, at := range times {
				*at = at.Truncate(time.Microsecond)
			}
		}
		micros(&fromJSON.Began, &fromJSON.Ended, &fromJSON.First, &fromJSON.Last)
		for i := range fromJSON.Gaps {
			micros(&fromJSON.Gaps[i].Recorded)
		}
		for i := range fromJSON.Recorded {
			f := &fromJSON.Recorded[i]
			micros(&f.Recorded, f.First, f.Last, f.Rotated)
		}
		if len(rows) != 1 || !reflect.DeepEqual(rows[0], fromJSON) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, rows, fromJSON)
		}
		if fromJSON.Files != 2 || fromJSON.Lines != 2*98765 || fromJSON.Objects != 1+1 || len(fromJSON.Gaps) != 2 || fromJSON.Gaps[0].Number != 3 ||
			!reflect.DeepEqual(fromJSON.Stages, []RollupCount{{"", 2}, {"ResponseComplete", 2 * 98759}, {"ResponseStarted", 10}}) {
			t.Errorf("%s: %+v", name, fromJSON)
		}
	}
}

// A file has the epoch and the number that its objects have, and else those of its record.
func TestRollupFile(t *testing.T) {
	for key, want := range map[string]string{
		"data/cluster=prod/dt=2026-11-22/2026-11-22T12-00-00.000-cp-1-20261121T120000ffffff-00000007.parquet":    "20261121T120000ffffff 7",
		"data/cluster=prod/dt=2026-11-22/2026-11-22T12-00-00.000-cp-1-20261121T120000ffffff-00000007.r2.parquet": "20261121T120000ffffff 7",
		"data/cluster=prod/dt=2026-11-22/3.parquet":                                                              self.Epoch + " 3",
	} {
		record := fileRecord(3, noon)
		record.Objects[0].Key = key
		e := Read(sealedAfter(t, Tree{}, record, nil))
		must(t, e.Err)
		r := NewRollup("prod", "cp-1", 1, Tree{})
		r.Add(&e)
		if f := r.Recorded[0]; fmt.Sprint(f.Epoch, " ", f.Seq) != want || f.Number != 1 || f.Lines != 98765 || f.Objects != 1 || f.SHA256 != sum(3) {
			t.Errorf("%s: %+v, want %s", key, f, want)
		}
	}
}

// A rollup that was changed, is of another tree, or by another key does not count.
func TestRollupsOfOthers(t *testing.T) {
	key := testKey(t, 1)
	r, leaves := day(t, key)
	good, _, err := r.Seal(key)
	must(t, err)
	other, _, err := r.Seal(testKey(t, 2))
	must(t, err)
	unsigned, _, err := r.Seal(nil)
	must(t, err)
	edit := func(old, text string) []byte { return bytes.Replace(good, []byte(old), []byte(text), 1) }
	for name, c := range map[string]struct {
		data   []byte
		leaves []Hash
		key    *SigningKey
		want   int64
	}{
		"good":                     {good, leaves, key, 4},
		"by the key before":        {good, leaves, testKeyFrom(t, 2, 1), 4},
		"without a key":            {unsigned, leaves, nil, 4},
		"unsigned":                 {unsigned, leaves, key, 0},
		"by another key":           {other, leaves, key, 0},
		"other counts":             {edit(`"files":2`, `"files":3`), leaves, key, 0},
		"later than the tree":      {good, leaves[:3], key, 0},
		"of another tree":          {good, []Hash{leaves[0], leaves[1], leaves[2], leaves[0]}, key, 0},
		"of another node":          {edit(`"node":"cp-1"`, `"node":"cp-2"`), leaves, nil, 0},
		"no rollup":                {[]byte("{}"), leaves, nil, 0},
		"nothing":                  {nil, leaves, nil, 0},
		"a number that overflows":  {edit(`"to":4`, `"to":9223372036854775807`), leaves, nil, 0},
		"a number below the first": {edit(`"to":4`, `"to":-1`), leaves, nil, 0},
	} {
		if got, err := LastOf(c.data, treeUpTo(c.leaves), c.key); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
}
