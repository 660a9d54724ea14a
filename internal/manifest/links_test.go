package manifest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// seqsOf is the numbers of the records in an order.
func seqsOf(t testing.TB, records [][]byte, order []int) string {
	t.Helper()
	var all []string
	for _, i := range order {
		all = append(all, fmt.Sprint(headOf(t, records[i]).Seq))
	}
	return strings.Join(all, " ")
}

func TestVerifyLinksInAnyOrder(t *testing.T) {
	records := chainOf(t, 3, -1, 2, 7, -4, 6, 5)
	head := headOf(t, records[6])
	for range 50 {
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		for _, id := range []Identity{self, {Cluster: "prod", Node: "cp-1", Epoch: self.Epoch}} {
			l := verifyLinks(id, records)
			if got := seqsOf(t, records, l.Order); got != "3 1 2 7 4 6 5" || l.Head != head || len(l.Findings) > 0 {
				t.Fatalf("order %s, head %+v, findings %v", got, l.Head, l.Findings)
			}
		}
	}
	if l := verifyLinks(self, nil); l.Order != nil || l.Head != (Head{}) || l.Findings != nil {
		t.Errorf("of nothing: %+v", l)
	}
}

// I9: each kind of break has its finding.
func TestI9_Findings(t *testing.T) {
	r := chainOf(t, 1, 2, 3, 4, 5)
	edited := func(data []byte, old, text string) []byte {
		out := bytes.Replace(data, []byte(old), []byte(text), 1)
		if bytes.Equal(out, data) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return out
	}
	branch := sealed(t, gapRecord(6, noon), Hash(r[1]))
	end := sealed(t, gapRecord(7, noon), Hash(branch))
	far := sealed(t, gapRecord(1<<62, noon), Hash(r[4]))
	for name, c := range map[string]struct {
		records [][]byte
		order   string
		head    int64
		want    string
	}{
		"tail cut off":       {r[:3], "1 2 3", 3, ""},
		"beginning cut off":  {r[2:], "3 4 5", 5, "missing_previous 3, missing_seq 1-2"},
		"one dropped":        {[][]byte{r[0], r[1], r[3], r[4]}, "1 2 4 5", 2, "missing_previous 4, missing_seq 3-3"},
		"two dropped":        {[][]byte{r[0], r[2], r[4]}, "1 3 5", 1, "missing_previous 3, missing_previous 5, missing_seq 2-2, missing_seq 4-4"},
		"repeated":           {[][]byte{r[0], r[1], r[1], r[2], r[1]}, "1 2 3", 3, "repeated 2, repeated 2"},
		"orphan repeated":    {[][]byte{r[1], r[1]}, "2", 2, "repeated 2, missing_previous 2, missing_seq 1-1"},
		"number twice":       {[][]byte{r[0], r[1], sealed(t, gapRecord(2, noon), Hash(r[1]))}, "1 2 2", 2, "duplicate_seq 2"},
		"fork":               {append(slices.Clone(r), branch, end), "1 2 3 4 5 6 7", 5, "fork 6"},
		"fork in the middle": {[][]byte{r[0], r[1], branch, end, r[2]}, "1 2 3 6 7", 3, "fork 6, missing_seq 4-5"},
		"three ways":         {[][]byte{r[0], sealed(t, gapRecord(2, noon), Hash(r[0])), sealed(t, gapRecord(3, noon), Hash(r[0])), sealed(t, gapRecord(4, noon), Hash(r[0]))}, "1 2 3 4", 2, "fork 3, fork 4"},
		"two beginnings":     {append(slices.Clone(r), sealed(t, gapRecord(6, noon), "")), "1 2 3 4 5 6", 5, "fork 6"},
		"edited":             {[][]byte{r[0], edited(r[1], "98765", "98764"), r[2]}, "1 2 3", 2, "missing_previous 3"},
		"edited number":      {[][]byte{r[0], edited(r[1], `"seq":2`, `"seq":9`), r[2]}, "1 9 3", 9, "missing_previous 3, missing_seq 2-2, missing_seq 4-8"},
		"node":               {[][]byte{r[0], r[1], edited(r[2], "cp-1", "cp-2")}, "1 2", 2, "foreign 3"},
		"epoch":              {[][]byte{r[0], r[1], edited(r[2], "a1b2c3", "a1b2c4")}, "1 2", 2, "foreign 3"},
		"machine":            {[][]byte{r[0], edited(r[1], "6f1e", "6f1f"), r[2]}, "1 3", 1, "foreign 2, missing_previous 3, missing_seq 2-2"},
		"torn":               {[][]byte{r[0], r[1][:99], nil}, "1", 1, "undecodable 0, undecodable 0"},
		"newer":              {[][]byte{r[0], edited(r[1], `"kind":"file"`, `"kind":"alarm"`)}, "1", 1, "newer 0"},
		"numbers far apart":  {append(slices.Clone(r), far), "1 2 3 4 5 4611686018427387904", 1 << 62, "missing_seq 6-4611686018427387903"},
	} {
		t.Run(name, func(t *testing.T) {
			l := verifyLinks(Identity{Cluster: self.Cluster, Node: self.Node, Epoch: self.Epoch}, c.records)
			if got := kinds(l.Findings); got != c.want {
				t.Errorf("found %s, want %s", got, c.want)
			}
			if got := seqsOf(t, c.records, l.Order); got != c.order || l.Head.Seq != c.head {
				t.Errorf("order %s, head %d; want %s, %d", got, l.Head.Seq, c.order, c.head)
			}
			for _, f := range l.Findings {
				if f.Index >= 0 && f.SHA256 != Hash(c.records[f.Index]) || (f.Index < 0) != (f.Kind == FindingMissingSeq) || f.Detail == "" {
					t.Errorf("finding %+v", f)
				}
			}
		})
	}
}

// An identity that is given is not outvoted by what is there.
func TestVerifyLinksOfAnotherIdentity(t *testing.T) {
	records := chainOf(t, 1, 2)
	other := self
	other.Node = "cp-2"
	if l := verifyLinks(other, records); kinds(l.Findings) != "foreign 1, foreign 2" || l.Order != nil {
		t.Errorf("%+v", l)
	}
}

// I9: whichever byte changes, it shows: in the findings, or, in the last
// record, in the head.
func TestI9_EveryByteCounts(t *testing.T) {
	t.Parallel()
	records := chainOf(t, -2, 1)
	want := verifyLinks(self, records)
	if len(want.Findings) > 0 {
		t.Fatal(want.Findings)
	}
	step := 1
	if testing.Short() {
		step = 3
	}
	for i, data := range records {
		for at := 0; at < len(data); at += step {
			for _, mask := range []byte{0x01, 0x20} {
				changed := slices.Clone(records)
				changed[i] = bytes.Clone(data)
				changed[i][at] ^= mask
				l := verifyLinks(self, changed)
				if len(l.Findings) == 0 && (i < len(records)-1 || l.Head == want.Head) {
					t.Fatalf("record %d, byte %d ^ %#x is not found: %s", i, at, mask, changed[i])
				}
			}
		}
	}
}

// FuzzVerifyLinks: whatever is given, every record is in the order once or has
// a finding, and no number of records makes the findings grow beyond them.
func FuzzVerifyLinks(f *testing.F) {
	records := chainOf(f, 3, -1, 2, 4)
	f.Add([]byte{0, 1, 2, 3}, 0, byte(0))
	f.Add([]byte{3, 3, 1}, 40, byte(1))
	f.Fuzz(func(t *testing.T, pick []byte, at int, mask byte) {
		var given [][]byte
		for i, p := range pick[:min(len(pick), 20)] {
			data := bytes.Clone(records[int(p)%len(records)])
			if at >= 0 && i == 0 {
				data[at%len(data)] ^= mask
			}
			given = append(given, data)
		}
		l := verifyLinks(self, given)
		seen := make([]int, len(given))
		for _, i := range l.Order {
			seen[i]++
		}
		for _, f := range l.Findings {
			switch f.Kind {
			case FindingForeign, FindingRepeated, FindingUndecodable, FindingNewer:
				seen[f.Index]++
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("record %d is met %d times: %+v", i, n, l)
			}
		}
		if len(l.Findings) > 4*len(given) {
			t.Fatalf("%d findings for %d records", len(l.Findings), len(given))
		}
	})
}

func BenchmarkVerifyLinks(b *testing.B) {
	seqs := make([]int64, 1000)
	for i := range seqs {
		seqs[i] = int64(i + 1)
	}
	records := chainOf(b, seqs...)
	b.ReportAllocs()
	for b.Loop() {
		if l := verifyLinks(self, records); len(l.Findings) > 0 {
			b.Fatal(l.Findings)
		}
	}
	b.ReportMetric(float64(b.N*len(records))/b.Elapsed().Seconds(), "records/s")
}
