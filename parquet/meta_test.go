package parquet

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

// fullMeta is metadata of which every key has a value.
func fullMeta() ObjectMeta {
	return ObjectMeta{
		Meta: Meta{
			Cluster: "c", Node: "n", Epoch: "e", Seq: -3, SourceName: "audit.log", Converter: "v1",
			Rotated:   time.Date(2026, 11, 22, 17, 0, 27, 978e6, time.UTC),
			Increment: Increment{From: 100, FirstLine: 8},
		},
		Day: "2026-11-22", SourceSize: 5000, SourceLines: 3, SourceSHA256: [32]byte{1, 2}, FinalNewline: true,
		Days:  []DayRows{{"2026-11-21", 1}, {"2026-11-22", 2}},
		Holes: []Hole{{0, 10}, {20, 4979}},
		Last:  time.Date(2026, 11, 22, 16, 59, 23, 525775e3, time.UTC),
	}
}

// pairsOf returns metadata as an object has it.
func pairsOf(m ObjectMeta) map[string]string {
	pairs := map[string]string{}
	for _, p := range m.pairs() {
		pairs[p[0]] = p[1]
	}
	return pairs
}

// parse reads metadata.
func parse(pairs map[string]string) (ObjectMeta, error) {
	var f rowread.File
	f.Pairs = pairs
	return objectMeta(&f)
}

// The metadata of a source comes back as it was given, and the keys are
// in order: the same source gives the same bytes.
func TestMetadataComesBack(t *testing.T) {
	for name, change := range map[string]func(*ObjectMeta){
		"an increment":      func(*ObjectMeta) {},
		"a whole file":      func(m *ObjectMeta) { m.Increment, m.Last = Increment{}, time.Time{} },
		"without holes":     func(m *ObjectMeta) { m.Holes = nil },
		"not rotated":       func(m *ObjectMeta) { m.Rotated = time.Time{} },
		"no timestamps":     func(m *ObjectMeta) { m.Last = time.Time{} },
		"no final newline":  func(m *ObjectMeta) { m.FinalNewline = false },
		"one object":        func(m *ObjectMeta) { m.Day, m.Days = "", []DayRows{{"", 3}} },
		"an empty source":   func(m *ObjectMeta) { m.SourceSize, m.SourceLines, m.Holes, m.Days = 0, 0, nil, []DayRows{{}} },
		"names of no ASCII": func(m *ObjectMeta) { m.Cluster, m.SourceName = "grün", "a=b,c+d\n" },
	} {
		want := fullMeta()
		change(&want)
		got, err := parse(pairsOf(want))
		if err != nil || !slices.Equal(got.pairs(), want.pairs()) || got.Meta != want.Meta || !slices.Equal(got.Holes, want.Holes) || !slices.Equal(got.Days, want.Days) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		if !slices.IsSortedFunc(want.pairs(), func(a, b [2]string) int { return strings.Compare(a[0], b[0]) }) {
			t.Errorf("%s: the keys are not in order", name)
		}
	}
}

// A key that is missing or cannot be is refused, and the error names it.
func TestMetadataIsRefused(t *testing.T) {
	optional := []string{keyHoles, keyIncrementFirst}
	for key := range pairsOf(fullMeta()) {
		pairs := pairsOf(fullMeta())
		delete(pairs, key)
		if _, err := parse(pairs); slices.Contains(optional, key) || strings.HasSuffix(key, "schema_version") {
			if err != nil {
				t.Errorf("without %s: %v", key, err)
			}
		} else if !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), key) {
			t.Errorf("without %s: %v", key, err)
		}
	}
	for name, c := range map[string]struct{ key, value, names string }{
		"a number of letters":        {keySeq, "seven", keySeq},
		"a number of too many bits":  {keySourceSize, "9223372036854775808", keySourceSize},
		"a negative size":            {keySourceSize, "-1", keySourceLines},
		"more lines than bytes":      {keySourceLines, "5001", keySourceLines},
		"a short checksum":           {keySourceSHA256, "0102", keySourceSHA256},
		"a checksum of letters":      {keySourceSHA256, strings.Repeat("x", 64), keySourceSHA256},
		"a time of letters":          {keyRotated, "yesterday", keyRotated},
		"a date alone":               {keyIncrementLast, "2026-11-22", keyIncrementLast},
		"a day without rows":         {keyDays, "2026-11-21", keyDays},
		"no days":                    {keyDays, "", keyDays},
		"rows of letters":            {keyDays, "2026-11-21=x", keyDays},
		"an increment before byte 0": {keyIncrementFrom, "-1", keyIncrementTo},
		"an increment of line 0":     {keyIncrementFirst, "0", keyIncrementTo},
		"an end before the start":    {keyIncrementTo, "99", keyIncrementTo},
		"an end of another size":     {keyIncrementTo, "5101", keyIncrementTo},
		"a hole beyond the end":      {keyHoles, "0+5000", keyHoles},
		"holes that overlap":         {keyHoles, "0+10,9+1", keyHoles},
		"holes out of order":         {keyHoles, "20+5,0+5", keyHoles},
		"an empty hole":              {keyHoles, "0+0", keyHoles},
		"no holes":                   {keyHoles, "", keyHoles},
	} {
		pairs := pairsOf(fullMeta())
		pairs[c.key] = c.value
		if _, err := parse(pairs); !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v, want ErrNotOurs that names %s", name, err, c.names)
		}
	}
}

// FuzzMetadata reads metadata of any text: accepted text is written again.
func FuzzMetadata(f *testing.F) {
	keys := slices.Sorted(maps.Keys(pairsOf(fullMeta())))
	for i, key := range keys {
		f.Add(i, pairsOf(fullMeta())[key])
	}
	f.Add(slices.Index(keys, keyHoles), "0+9223372036854775807")
	f.Add(slices.Index(keys, keyDays), "=,=,=1")
	f.Fuzz(func(t *testing.T, key int, value string) {
		pairs := pairsOf(fullMeta())
		pairs[keys[uint(key)%uint(len(keys))]] = value
		m, err := parse(pairs)
		if err != nil {
			if !errors.Is(err, ErrNotOurs) {
				t.Error(err)
			}
			return
		}
		again, err := parse(pairsOf(m))
		if err != nil || !slices.Equal(again.pairs(), m.pairs()) {
			t.Errorf("%v became %v (%v)", m.pairs(), again.pairs(), err)
		}
		for _, h := range m.Holes {
			if h.From < 0 || h.Size <= 0 || h.From+h.Size >= m.SourceSize {
				t.Errorf("hole %+v of %d bytes", h, m.SourceSize)
			}
		}
	})
}

// Names that are not UTF-8 have U+FFFD: all string columns are valid.
func TestNamesBecomeUTF8(t *testing.T) {
	meta := testMeta()
	meta.SourceName, meta.Node = "audit-\xff.log", "n\xfe"
	res := convertWith(t, []byte("x\n"), Config{Meta: meta, Dir: audittest.FastDir(t)}, defaultLimits())
	m, err := ReadMeta(bytes.NewReader(mustRead(t, inputs(t, res)[0])), res.Objects[0].Size)
	if err != nil || m.SourceName != "audit-\ufffd.log" || m.Node != "n\ufffd" || res.Meta != m.Meta {
		t.Errorf("%+v, %v", m.Meta, err)
	}
}

func mustRead(t *testing.T, in Input) []byte {
	t.Helper()
	b := make([]byte, in.Size)
	if _, err := in.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}
