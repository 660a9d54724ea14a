package rollups

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

var must = audittest.Must

var began = time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)

func newKey(t testing.TB, node string) *manifest.SigningKey {
	t.Helper()
	key, err := manifest.GenerateKey(manifest.KeyName("prod", node), nil)
	must(t, err)
	return key
}

func trusted(keys ...*manifest.SigningKey) (all []manifest.TrustedKey) {
	for _, key := range keys {
		all = append(all, manifest.TrustedKey{Vkey: key.Vkey})
	}
	return all
}

// days are the JSON forms of the rollups of some days of four records each, the last of
// them a gap, by their keys.
func days(t testing.TB, key *manifest.SigningKey, n int) map[string][]byte {
	t.Helper()
	id := manifest.Identity{Cluster: "prod", Node: "cp1", Epoch: "20261120T060000a1b2c3"}
	chain, err := manifest.Open(durable.OS(), t.TempDir(), id, manifest.Begins{Reason: manifest.BeginNew}, manifest.Head{Tree: 1})
	must(t, err)
	chain.SignWith(key)
	forms := map[string][]byte{}
	var before manifest.Tree
	for day := range n {
		r := manifest.NewRollup("prod", "cp1", 1, before)
		for i := range 4 {
			record := manifest.Record{Kind: manifest.KindHeartbeat, Seq: int64(4*day + i + 1), Time: manifest.At(began.AddDate(0, 0, day).Add(time.Duration(i) * time.Hour)),
				Heartbeat: &manifest.Heartbeat{Every: 3600}}
			if i == 3 {
				record.Kind, record.Heartbeat, record.Gaps = manifest.KindGap, nil, []manifest.Gap{{Reason: continuity.ReasonPruned, Bytes: 7, To: record.Time}}
			}
			sealed, err := chain.Seal(record)
			must(t, err)
			data, err := os.ReadFile(sealed.Path)
			must(t, err)
			must(t, errors.Join(chain.Keep(sealed), chain.Remove(sealed)))
			e := manifest.Read(data)
			must(t, e.Err)
			r.Add(&e)
			before = before.With(e.Leaf)
		}
		asJSON, _, err := r.Seal(key)
		must(t, err)
		forms[archive.RollupKey("prod", "cp1", 1, r.Day, "json")] = asJSON
	}
	return forms
}

func parse(t *testing.T, data []byte) *Rollup {
	t.Helper()
	r, err := Parse(data)
	must(t, err)
	return r
}

func inOrder(forms map[string][]byte) (all [][]byte) {
	for _, key := range slices.Sorted(maps.Keys(forms)) {
		all = append(all, forms[key])
	}
	return all
}

func TestRollup(t *testing.T) {
	key := newKey(t, "cp1")
	var before *Rollup
	for i, data := range inOrder(days(t, key, 3)) {
		r := parse(t, data)
		must(t, r.Verify(trusted(newKey(t, "cp2"), newKey(t, "cp1"), key)))
		must(t, r.Follows(before))
		if r.From != int64(4*i+1) || r.To != int64(4*i+4) || len(r.Gaps) != 1 || r.Gaps[0].Number != r.To || r.After.Size() != r.To || r.Before().Size() != r.From-1 {
			t.Errorf("%+v", r)
		}
		before = r
	}
}

func TestVector(t *testing.T) {
	page, err := os.ReadFile("../../docs/spec/rollup.md")
	must(t, err)
	_, vector, _ := strings.Cut(string(page), "## Vector")
	blocks := regexp.MustCompile("(?s)```\n(.*?\n)```").FindAllStringSubmatch(vector, -1)
	r := parse(t, []byte(blocks[0][1]))
	must(t, r.Verify([]manifest.TrustedKey{{Vkey: strings.TrimSpace(blocks[1][1])}}))
}

// Other forms of a rollup whose hashes fit are refused.
func TestParseRefuses(t *testing.T) {
	good := inOrder(days(t, nil, 2))[1]
	edit := func(old, text string) []byte { return bytes.Replace(good, []byte(old), []byte(text), 1) }
	other := inOrder(days(t, nil, 1))[0]
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":              {nil, "not a valid rollup"},
		"an object":            {[]byte("{}\n"), "not a valid rollup"},
		"cut":                  {good[:len(good)-2], "not a valid rollup"},
		"version 2":            {edit(`"version":1`, `"version":2`), "newer version"},
		"a field more":         {edit(`"version":1`, `"version":1,"x":1`), "canonical"},
		"a space more":         {edit(`"version":1`, `"version": 1`), "canonical"},
		"other sums":           {edit(`"files":0`, `"files":1`), "its note"},
		"another day":          {edit(`"day":"2026-11-21"`, `"day":"2026-11-22"`), "begins at"},
		"another node":         {edit(`"node":"cp1"`, `"node":"cp2"`), "its head"},
		"a node that is none":  {edit(`"node":"cp1"`, `"node":"../x"`), "not a valid rollup"},
		"another tree":         {edit(`"tree":1`, `"tree":2`), "tree 1"},
		"fewer leaves":         {edit(`"to":8`, `"to":9`), "records 5 to 9 with 4"},
		"all numbers":          {edit(`"to":8`, `"to":9223372036854775807`), "with 4"},
		"a first number of 0":  {edit(`"from":5`, `"from":0`), "with 4"},
		"a gap before it":      {edit(`"number":8`, `"number":4`), "gap of record 4"},
		"a hash of the others": {edit(`"start":["`, `"start":["AAAA`), "a hash of"},
		"leaves of others":     {append(bytes.Clone(good[:bytes.Index(good, []byte(`"leaves"`))]), other[bytes.Index(other, []byte(`"leaves"`)):]...), "its head"},
		"too long":             {append(bytes.Clone(good), make([]byte, MaxSize)...), "more than"},
	} {
		if r, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v, want %q (%v)", name, err, c.want, r != nil)
		}
	}
}

func TestVerify(t *testing.T) {
	key := newKey(t, "cp1")
	signed, unsigned := parse(t, inOrder(days(t, key, 1))[0]), parse(t, inOrder(days(t, nil, 1))[0])
	later := *signed
	later.Head = unsigned.Head
	for name, c := range map[string]struct {
		rollup *Rollup
		keys   []manifest.TrustedKey
		want   error
	}{
		"its key":                         {signed, trusted(key), nil},
		"no key":                          {signed, nil, ErrSignature},
		"another key":                     {signed, trusted(newKey(t, "cp1")), ErrSignature},
		"a key of another node":           {signed, trusted(newKey(t, "cp2")), ErrSignature},
		"a key that ends later":           {signed, []manifest.TrustedKey{{Vkey: key.Vkey, Until: 5}}, nil},
		"a key that ends with the day":    {signed, []manifest.TrustedKey{{Vkey: key.Vkey, Until: 4}}, ErrSignature},
		"a key that begins after the day": {signed, []manifest.TrustedKey{{Vkey: key.Vkey, From: 5}}, ErrSignature},
		"unsigned":                        {unsigned, trusted(key), ErrSignature},
		"the head is of before signing":   {&Rollup{Rollup: later.Rollup, Point: unsigned.Point}, trusted(key), nil},
	} {
		if err := c.rollup.Verify(c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestFollows(t *testing.T) {
	one, two := inOrder(days(t, nil, 3)), inOrder(days(t, newKey(t, "cp1"), 3))
	other := *parse(t, one[0])
	other.Node = "cp2"
	forked := *parse(t, one[1])
	forked.Start = [][]byte{make([]byte, 32)}
	for name, c := range map[string]struct {
		rollup, before *Rollup
		want           error
	}{
		"the first":          {parse(t, one[0]), nil, nil},
		"the second":         {parse(t, one[1]), parse(t, one[0]), nil},
		"other signatures":   {parse(t, one[1]), parse(t, two[0]), nil}, // are no part of the leaves
		"without its before": {parse(t, one[1]), nil, ErrJoin},
		"a day between":      {parse(t, one[2]), parse(t, one[0]), ErrJoin},
		"of another node":    {parse(t, one[1]), &other, ErrJoin},
		"another history":    {&forked, parse(t, one[0]), ErrJoin},
	} {
		if err := c.rollup.Follows(c.before); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Objects that are not the rollup of their key are named and skipped; of copies the last
// that is a rollup counts.
func TestAll(t *testing.T) {
	dir := t.TempDir()
	forms := days(t, nil, 5)
	keys := slices.Sorted(maps.Keys(forms))
	store := func(key string, data []byte) {
		path := filepath.Join(dir, filepath.FromSlash(key))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, data, 0o600))
	}
	for key, data := range forms {
		store(key, data)
		store(strings.TrimSuffix(key, "json")+"parquet", []byte("PAR1"))
	}
	second := archive.NextCopy(keys[1])
	third := archive.NextCopy(second)
	store(keys[1], forms[keys[1]][9:])
	store(second, forms[keys[1]])
	store(third, []byte("{"))
	store(keys[2], forms[keys[3]]) // swapped
	store(keys[4], make([]byte, MaxSize+1))
	store("rollups/cluster=prod/node=cp1/junk", []byte("x"))
	store("rollups/cluster=prod/node=cp2/0001-2026-11-20.json", forms[keys[0]])
	bucket, err := archive.Open(t.Context(), "file://"+dir, archive.S3Config{})
	must(t, err)
	for name, c := range map[string]struct {
		cluster, node string
		want          []string
	}{
		"all": {"", "", []string{keys[0] + " ok", second + " ok", keys[2] + " it belongs under", keys[3] + " ok", keys[4] + " more than",
			"rollups/cluster=prod/node=cp2/0001-2026-11-20.json it belongs under"}},
		"a node":          {"prod", "cp2", []string{"rollups/cluster=prod/node=cp2/0001-2026-11-20.json it belongs under"}},
		"a node anywhere": {"", "cp3", nil},
		"another cluster": {"pro", "", nil},
	} {
		var got []string
		for day, err := range All(t.Context(), bucket, c.cluster, c.node) {
			must(t, err)
			s := "ok"
			if day.Rollup == nil {
				s = fmt.Sprint(day.Err)
			}
			got = append(got, day.Key.String()+" "+s)
		}
		if !slices.EqualFunc(got, c.want, func(got, want string) bool {
			key, text, _ := strings.Cut(want, " ")
			return strings.HasPrefix(got, key+" ") && strings.Contains(got, text)
		}) {
			t.Errorf("%s: %q\nwant %q", name, got, c.want)
		}
	}
}

// No bytes make Parse panic or return a rollup that differs from its bytes.
func FuzzParse(f *testing.F) {
	for _, data := range days(f, newKey(f, "cp1"), 2) {
		f.Add(data)
	}
	f.Add([]byte(`{"version":1,"from":1,"to":2,"leaves":["",""]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNewer) {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(again, data) || r.After.Size() != r.To || r.After.Root() != r.Point.Root {
			t.Fatalf("%v: %q", err, again)
		}
		_ = r.Verify(nil)
		_ = r.Follows(r)
	})
}
