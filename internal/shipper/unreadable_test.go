package shipper

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// gzipped packs texts one after another; at is where each one begins in the result:
// the decompressor has all before it, and no more, when it comes there.
func gzipped(t testing.TB, texts ...string) (packed string, at []int) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, text := range texts {
		at = append(at, b.Len())
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), at
}

// with returns text with another byte.
func with(text string, at int, b byte) string { return text[:at] + string(rune(b&0x7f)) + text[at+1:] }

// events are n lines that compress badly.
func events(n int) string {
	random := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	for range n {
		b.WriteString(event(22, fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())))
	}
	return b.String()
}

// TestI9_DamagedGzip archives the part that unpacks of every kind of damaged file, records
// the rest as a gap, and has the lines that the stream has.
func TestI9_DamagedGzip(t *testing.T) {
	first, second := events(300), events(200)
	if testing.Short() {
		first, second = events(60), events(40)
	}
	whole, at := gzipped(t, first, second)
	one, _ := gzipped(t, first)
	two, _ := gzipped(t, second)
	torn, tornAt := gzipped(t, first, second[:50], second[50:])
	n := len(whole)
	for _, c := range []struct {
		name, file string
		want       string // empty: same as the stream
		gap        bool
	}{
		{name: "whole", file: whole, want: first + second},
		{name: "two members", file: one + two, want: first + second},
		{name: "trailing bytes", file: whole + "trailing", want: first + second},
		{name: "one trailing byte", file: whole + "x", want: first + second},
		{name: "trailing zeros", file: whole + strings.Repeat("\x00", 1000), want: first + second},
		{name: "trailing zeros and bytes", file: whole + strings.Repeat("\x00", 1000) + "trailing", want: first + second},
		{name: "zeros between members", file: one + strings.Repeat("\x00", 1000) + two, want: first + second},
		{name: "cut between lines", file: whole[:at[1]], want: first, gap: true},
		{name: "cut within a line", file: torn[:tornAt[2]], want: first + second[:50], gap: true},
		{name: "cut anywhere", file: whole[:n*2/3], gap: true},
		{name: "without a trailer", file: whole[:n-8], want: first + second, gap: true},
		{name: "half a trailer", file: whole[:n-3], want: first + second, gap: true},
		{name: "bad checksum", file: with(whole, n-8, whole[n-8]^1), want: first + second, gap: true},
		{name: "bad length", file: with(whole, n-4, whole[n-4]^1), want: first + second, gap: true},
		{name: "a bad block", file: with(whole, at[1], 0x7f), want: first, gap: true},
		{name: "a bad byte in a block", file: with(whole, n/3, whole[n/3]^0x15), gap: true},
		{name: "the second member is cut", file: one + two[:len(two)/2], gap: true},
		{name: "only the second member's header", file: one + two[:10], want: first, gap: true},
		{name: "one byte of the second member", file: one + two[:1], want: first, gap: true},
		{name: "a bad first byte of the second member", file: one + with(two, 0, 'x'), want: first, gap: true},
		{name: "a bad second byte of the second member", file: one + with(two, 1, 'x'), want: first, gap: true},
		{name: "a bad method of the second member", file: one + with(two, 2, 7), want: first, gap: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := newYard(t)
			y.mustStart()
			y.add("0", c.file, func(e *ledger.Entry) { e.Gzip, e.Born = true, e.Rotated.AddDate(0, 0, 1) })
			y.add("1", event(22, "next"), nil)
			y.sync()
			if y.state("0") != ledger.Retired || y.state("1") != ledger.Retired {
				t.Fatalf("states %s, %s", y.state("0"), y.state("1"))
			}
			got := y.store.restored(t)
			if streamed := streamOf(t, y.heldPath("0")); got[0] != streamed || c.want != "" && got[0] != c.want {
				t.Errorf("archived %d bytes, streamed %d, want %d", len(got[0]), len(streamed), len(c.want))
			}
			y.store.wantChain(t)
			y.wantDamage(c.gap)
		})
	}
}

// wantDamage compares the gaps of the first record.
func (y *yard) wantDamage(want bool) {
	y.t.Helper()
	gaps := y.store.records(y.t)[0].Gaps
	if !want {
		if len(gaps) != 0 {
			y.t.Errorf("gaps %+v", gaps)
		}
		return
	}
	if len(gaps) == 0 {
		y.t.Fatal("no gap is recorded")
	}
	g := gaps[len(gaps)-1] // there may be NULs in the unpacked part
	if g.Reason != continuity.ReasonUnreadable || g.Bytes != -1 || g.From.After(g.To.Time) || g.To.IsZero() || !strings.Contains(g.Detail, "unpack") || strings.Contains(g.Detail, y.dir) {
		y.t.Errorf("gap %+v", g)
	}
	if y.gaps[len(y.gaps)-1] != string(continuity.ReasonUnreadable) {
		y.t.Errorf("reported gaps %v", y.gaps)
	}
}

// single is a source of one finished .gz.
type single string

func (s single) Held() ([]rotate.Segment, error) {
	return []rotate.Segment{{ID: "0", Path: string(s), Gzip: true, Finished: true}}, nil
}

// streamOf is the stream's reading of a .gz.
func streamOf(t testing.TB, path string) string {
	t.Helper()
	r, err := rotate.NewReader(single(path), rotate.Position{}, rotate.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text strings.Builder
	for {
		line, err := r.Next()
		if _, corrupt := errors.AsType[*rotate.CorruptError](err); corrupt {
			continue
		}
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		text.Write(make([]byte, line.NULs))
		text.Write(line.Bytes)
		if line.Terminated {
			text.WriteByte('\n')
		}
	}
}

// TestI9_NothingUnpacks keeps a file of which nothing could be archived.
func TestI9_NothingUnpacks(t *testing.T) {
	whole, _ := gzipped(t, events(10))
	for name, file := range map[string]string{"no gzip": "no gzip at all", "empty": "", "half a header": whole[:5], "a bad first block": with(whole, 10, 0x7f)} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.mustStart()
			y.add("0", file, func(e *ledger.Entry) { e.Gzip, e.Born = true, e.Rotated.AddDate(0, 0, 1) })
			y.add("1", event(22, "next"), nil)
			y.sync()
			e, _ := y.ledger.Get("0")
			if e.State != ledger.Quarantined || !strings.Contains(e.Reason, y.heldPath("0")) || y.state("1") != ledger.Retired {
				t.Errorf("%s %q, the next is %s", e.State, e.Reason, y.state("1"))
			}
			records := y.store.records(t)
			want := continuity.ReasonQuarantined
			if file == "" {
				want = continuity.ReasonTruncated // and nothing else
			}
			if g := records[len(records)-2].Gaps[0]; g.Reason != want || g.From.After(g.To.Time) || g.Bytes != -1 || len(records) != 2 {
				t.Errorf("%d records, gap %+v", len(records), g)
			}
		})
	}
}

// TestI2_RepairedGzip archives the part of a repaired file that the archive lacks.
func TestI2_RepairedGzip(t *testing.T) { //nolint:funlen // one table
	first, second := secretEvent(22, "secret")+events(30), events(20)
	whole, at := gzipped(t, first, second)
	torn, tornAt := gzipped(t, first, second[:50], second[50:])
	other, _ := gzipped(t, "other\n"+first+second)
	short, _ := gzipped(t, second)
	garbled := second[:50] + "garbled\n" + strings.Repeat("garbled\n", 1000)
	bad, badAt := gzipped(t, first, garbled, "")
	alone, _ := gzipped(t, first)
	flipped := with(whole[:at[1]], 20, whole[20]^0x15)
	for i, c := range []struct {
		name, file, repaired string
		begun                bool   // the conversion of the repaired file took its number
		then                 string // the change of the repaired file before it is archived
		want                 []string
		damaged              bool // still
		gaps                 int  // after the repair
	}{
		{name: "touched", file: whole[:at[1]], repaired: whole[:at[1]], want: []string{first}, damaged: true},
		{name: "touched, nothing unpacks", file: "x", repaired: "x", damaged: true, gaps: 1},
		{name: "trailer repaired", file: whole[:len(whole)-3], repaired: whole, want: []string{first + second}},
		{name: "checksum repaired", file: with(whole, len(whole)-8, whole[len(whole)-8]^1), repaired: whole, want: []string{first + second}},
		{name: "cut while held", file: whole[:at[1]], repaired: whole, then: whole[:at[1]], want: []string{first}, damaged: true, gaps: 1},
		{name: "emptied while held", file: whole[:at[1]], repaired: whole, then: whole[:5], want: []string{first}, damaged: true, gaps: 1},
		{name: "begun", file: whole[:at[1]], repaired: whole, begun: true, want: []string{first, second}},
		{name: "begun, cut while held", file: whole[:at[1]], repaired: whole, begun: true, then: whole[:at[1]], want: []string{first}, damaged: true, gaps: 2},
		{name: "begun, changed while held", file: whole[:at[1]], repaired: whole[:at[1]], begun: true, then: flipped, want: []string{first}, damaged: true, gaps: 1},
		{name: "whole lines were there", file: whole[:at[1]], repaired: whole, want: []string{first, second}},
		{name: "a line was torn", file: torn[:tornAt[2]], repaired: whole, want: []string{first + second[:50], second}},
		{name: "no line was whole", file: torn[:tornAt[0]] + torn[:0], repaired: whole, want: []string{first + second}},
		{name: "all was there", file: whole[:len(whole)-8], repaired: whole, want: []string{first + second}},
		{name: "still damaged", file: whole[:at[1]], repaired: whole[:at[1]+20], want: []string{first}, damaged: true},
		{name: "nothing unpacks now", file: whole[:at[1]], repaired: "x", want: []string{first}, damaged: true},
		{name: "garbled", file: bad[:badAt[2]], repaired: whole, want: []string{first + garbled, second}},
		{name: "garbled, longer than it was", file: bad[:badAt[2]], repaired: short, want: []string{first + garbled, second}},
		{name: "garbled behind its end", file: bad[:badAt[2]], repaired: alone, want: []string{first + garbled}},
		{name: "garbled, begun", file: bad[:badAt[2]], repaired: whole, begun: true, want: []string{first + garbled, second}},
		{name: "another file", file: whole[:at[1]], repaired: other, want: []string{first, "other\n" + first + second}},
		{name: "another, shorter file", file: whole[:at[1]], repaired: short, want: []string{first, second}},
	} {
		for _, key := range []*redact.Key{nil, {1}} {
			if testing.Short() && key != nil && i%4 != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", c.name, key != nil), func(t *testing.T) {
				y := newYard(t)
				y.redact = key
				y.mustStart()
				y.add("0", c.file, func(e *ledger.Entry) { e.Gzip = true })
				y.sync()
				gaps := len(y.gaps)
				y.repair("0", c.repaired)
				if c.begun {
					if _, err := y.ledger.Take("0"); err != nil {
						t.Fatal(err)
					}
				}
				if c.then != "" {
					y.rewrite("0", c.then)
				}
				y.sync()
				if len(y.gaps)-gaps != c.gaps {
					t.Errorf("gaps %v, want %d after the repair", y.gaps, c.gaps)
				}
				y.add("1", event(22, "next"), nil) // its record shows whether a number is missing before it
				y.sync()
				got := y.store.restored(t)
				if e, _ := y.ledger.Get("0"); e.Owed() != (len(c.want) == 0) || e.Damaged() != c.damaged {
					t.Errorf("%s, damaged: %v; want %v", e.State, e.Damaged(), c.damaged)
				}
				want := append(slices.Clone(c.want), event(22, "next"))
				if len(got) != len(want) {
					t.Fatalf("%d files, want %d", len(got), len(want))
				}
				for i := range got {
					if got[i] != redacted(t, key, want[i]) {
						t.Errorf("file %d has %d bytes, want %d", i, len(got[i]), len(want[i]))
					}
				}
				y.store.wantChain(t)
			})
		}
	}
}

// TestI2_RepairedGzipUnreadArchive archives a garbled file as a whole after its repair if the
// store refuses reads, and waits while the store is unavailable.
func TestI2_RepairedGzipUnreadArchive(t *testing.T) {
	first, second := events(30), events(20)
	whole, _ := gzipped(t, first, second)
	bad, at := gzipped(t, first, "garbled\n", "")
	y := newYard(t)
	y.mustStart()
	y.add("0", bad[:at[2]], func(e *ledger.Entry) { e.Gzip = true })
	y.sync()
	y.repair("0", whole)
	y.store.fetchErr = errLost
	if err := y.shipper.Sync(t.Context()); !errors.Is(err, errLost) || y.state("0") != ledger.Held {
		t.Errorf("%v, %s", err, y.state("0"))
	}
	y.store.fetchErr = ErrUnreadable
	y.sync()
	if got := y.store.restored(t); len(got) != 2 || got[1] != first+second {
		t.Errorf("%d files", len(got))
	}
	y.store.wantChain(t)
}

// rewrite changes a held file in place, long ago by its own time.
func (y *yard) rewrite(id, text string) {
	y.t.Helper()
	past := time.Unix(1_700_000_000, 0)
	if err := errors.Join(os.WriteFile(y.heldPath(id), []byte(text), 0o600), os.Chtimes(y.heldPath(id), past, past)); err != nil {
		y.t.Fatal(err)
	}
}

// repair changes a held file, and holds it again as package hold does.
func (y *yard) repair(id, text string) {
	y.t.Helper()
	y.rewrite(id, text)
	e, _ := y.ledger.Get(id)
	err := y.ledger.Edit(id, func(is *ledger.Entry) {
		*is = ledger.Entry{ID: e.ID, Name: e.Name, Gzip: true, Finished: true, State: ledger.Held, Rotated: e.Rotated, Before: e.Source, Objects: e.Objects, Seen: int64(len(text))}
	})
	if err != nil {
		y.t.Fatal(err)
	}
}

// TestI9_DamagedGzipCutWhileHeld records the cut and the part that does not unpack, and
// knows the file as it is then: package hold finds no repair in it.
func TestI9_DamagedGzipCutWhileHeld(t *testing.T) {
	whole, at := gzipped(t, events(30), events(20))
	y := newYard(t)
	y.mustStart()
	y.add("0", whole, func(e *ledger.Entry) { e.Gzip, e.Seen, e.Wrote = true, int64(len(whole)), time.Now() })
	y.rewrite("0", whole[:at[1]])
	y.add("1", event(22, "next"), nil)
	y.sync()
	e, _ := y.ledger.Get("0")
	if info, err := os.Stat(y.heldPath("0")); err != nil || !e.Damaged() || e.Seen != info.Size() || !e.Wrote.Equal(info.ModTime()) {
		t.Errorf("%v, %+v", err, e)
	}
	if fmt.Sprint(y.gaps) != "[truncated unreadable]" {
		t.Errorf("gaps %v", y.gaps)
	}
	y.store.wantChain(t)
}

// TestI9_GzipCutToAFewBytes has nothing left that unpacks: the cut is the only gap. If the part that is
// left is damaged, too, that is another.
func TestI9_GzipCutToAFewBytes(t *testing.T) {
	whole, _ := gzipped(t, events(30))
	for name, test := range map[string]struct {
		left string
		want string
	}{
		"nothing":                {left: "", want: "[truncated]"},
		"one byte":               {left: whole[:1], want: "[truncated]"},
		"half a header":          {left: whole[:5], want: "[truncated]"},
		"a header":               {left: whole[:10], want: "[truncated]"},
		"the beginning of block": {left: whole[:20], want: "[truncated]"},
		"another file":           {left: "no gzip at all", want: "[truncated quarantined]"},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.mustStart()
			y.add("0", whole, func(e *ledger.Entry) {
				e.Gzip, e.Seen, e.Wrote, e.Born = true, int64(len(whole)), time.Now(), e.Rotated.Add(time.Hour)
			})
			y.rewrite("0", test.left)
			y.add("1", event(22, "next"), nil)
			y.sync()
			y.mustStart()
			y.sync()
			if y.state("0") != ledger.Quarantined || y.state("1") != ledger.Retired || fmt.Sprint(y.gaps) != test.want {
				t.Errorf("states %s, %s, gaps %v, want %s", y.state("0"), y.state("1"), y.gaps, test.want)
			}
			y.store.wantChain(t)
			for _, r := range y.store.records(t) {
				for _, g := range r.Gaps {
					if !g.From.IsZero() || g.Bytes != -1 {
						t.Errorf("gap %+v: where it begins and how long it is are not known", g)
					}
				}
			}
		})
	}
}
