package continuity

import (
	"testing"
	"time"
)

// rotated is when the first file of each pair was rotated.
func rotated() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func after(d time.Duration) time.Time { return rotated().Add(d) }

// TestI9_Tolerances has each tolerance at its limit and one step beyond.
func TestI9_Tolerances(t *testing.T) { //nolint:funlen // one table for all tolerances
	const tick = time.Millisecond
	before := File{Name: "a", Finished: true, Born: after(-time.Hour), Rotated: rotated(), Wrote: rotated(), Size: 1 << 20}
	named := func(edit func(*File)) File {
		f := before
		edit(&f)
		return f
	}
	long := named(func(f *File) { f.Wrote = after(-time.Hour) })
	for name, test := range map[string]struct {
		pair Pair
		want Verdict
		// wantReason and wantBytes are those of the gap.
		wantReason Reason
		wantBytes  int64
	}{
		"created at the limit": {
			pair: Pair{Before: long, After: File{Born: after(rotationTolerance)}},
			want: Continuous,
		},
		"created beyond it": {
			pair: Pair{Before: long, After: File{Born: after(rotationTolerance + tick)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: 145, // 1 MiB an hour
		},
		"created before the rotation: a clock was set back": {
			pair: Pair{Before: long, After: File{Born: after(-time.Minute)}},
			want: Continuous,
		},
		"created right after the last write": {
			pair: Pair{Before: named(func(f *File) { f.Wrote = after(time.Minute) }), After: File{Born: after(time.Minute + rotationTolerance)}},
			want: Continuous,
		},
		"the last write of a compressed file is no evidence": {
			pair: Pair{Before: named(func(f *File) { f.Wrote, f.Gzip = after(time.Minute), true }), After: File{Born: after(time.Minute)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: 17476,
		},
		"the first has no backup name, at the limit": {
			pair: Pair{Before: named(func(f *File) { f.Unnamed = true }), After: File{Born: after(unnamedTolerance)}},
			want: Continuous,
		},
		"the first has no backup name, beyond it": {
			pair: Pair{Before: named(func(f *File) { f.Unnamed = true }), After: File{Born: after(unnamedTolerance + tick)}},
			want: Missing, wantReason: ReasonReplaced, wantBytes: 582,
		},
		"the first has no backup name, the second one does": {
			pair: Pair{Before: named(func(f *File) { f.Unnamed = true }), After: File{Finished: true, Born: after(unnamedTolerance + tick)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: 582,
		},
		"no creation time, first event at the limit": {
			pair: Pair{Before: long, After: File{}, FirstEvent: after(quietTolerance)},
			want: Continuous,
		},
		"no creation time, first event beyond it": {
			pair: Pair{Before: long, After: File{}, FirstEvent: after(quietTolerance + tick)},
			want: Missing, wantReason: ReasonPruned, wantBytes: 17476,
		},
		"no creation time and no event yet": {
			pair: Pair{Before: long, After: File{}},
			want: Undecided,
		},
		"a compressed file was created when it was compressed": {
			pair: Pair{Before: long, After: File{Gzip: true, Born: after(time.Hour)}, FirstEvent: after(time.Second)},
			want: Continuous,
		},
		"a slow rotation, and the first event is that of the rotation": {
			pair: Pair{Before: long, After: File{Born: after(time.Minute)}, FirstEvent: after(-rotationTolerance)},
			want: Continuous,
		},
		"a slow rotation, and the first event is a later one": {
			pair: Pair{Before: long, After: File{Born: after(time.Minute)}, FirstEvent: after(rotationTolerance + tick)},
			want: Missing, wantReason: ReasonPruned, wantBytes: 17476,
		},
		"large files do not come and go in four seconds": {
			pair: Pair{Before: named(func(f *File) { f.Size = 100 << 20 }), After: File{Finished: true, Size: 100 << 20, Born: after(4 * time.Second)}},
			want: Continuous,
		},
		"small ones may": {
			pair: Pair{Before: long, After: File{Finished: true, Size: 1 << 20, Born: after(4 * time.Second)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: 1165,
		},
		"the largest files come and go in more than the limit": {
			pair: Pair{Before: named(func(f *File) { f.Size = 1 << 40 }), After: File{Finished: true, Size: 1 << 40, Born: after(sightTolerance + tick)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: 3054504385,
		},
		"the size of an open file says nothing": {
			pair: Pair{Before: named(func(f *File) { f.Size = 100 << 20 }), After: File{Size: 100 << 20, Born: after(4 * time.Second)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: 116508,
		},
		"a file without a rate": {
			pair: Pair{Before: named(func(f *File) { f.Born = time.Time{} }), After: File{Born: after(time.Second)}},
			want: Missing, wantReason: ReasonPruned, wantBytes: -1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			verdict, gap := test.pair.Judge()
			if verdict != test.want || gap.Reason != test.wantReason || gap.Bytes/10 != test.wantBytes/10 {
				t.Errorf("verdict %d, gap %+v, want %d, %s, %d bytes", verdict, gap, test.want, test.wantReason, test.wantBytes)
			}
			if verdict == Missing && (gap.Detail == "" || !gap.From.Equal(rotated()) || !gap.To.After(gap.From)) {
				t.Errorf("gap %+v", gap)
			}
		})
	}
	for name, test := range map[string]struct {
		got, want bool
	}{
		"first sight, at the limit":        {got: Sight{Unpruned: true, LastSign: rotated(), Born: after(sightTolerance)}.Continuous(), want: true},
		"first sight, beyond it":           {got: Sight{Unpruned: true, LastSign: rotated(), Born: after(sightTolerance + tick)}.Continuous(), want: false},
		"first sight, may be pruned":       {got: Sight{LastSign: rotated(), Born: rotated()}.Continuous(), want: false},
		"first sight, a name at the limit": {got: Sight{Unpruned: true, LastSign: after(sightTolerance), Born: rotated(), ByName: true}.Continuous(), want: true},
		"first sight, a name beyond it":    {got: Sight{Unpruned: true, LastSign: after(sightTolerance + tick), Born: rotated(), ByName: true}.Continuous(), want: false},
		"first sight, a clock set back":    {got: Sight{Unpruned: true, LastSign: after(time.Hour), Born: rotated()}.Continuous(), want: true},
		"first sight, no sign":             {got: Sight{Unpruned: true, Born: rotated()}.Continuous(), want: false},
		"replaced, a tick of the clock":    {got: Replacement{Created: rotated(), Wrote: after(fileClock)}.WriterStayed(), want: false},
		"replaced, written afterwards":     {got: Replacement{Created: rotated(), Wrote: after(fileClock + tick)}.WriterStayed(), want: true},
		"replaced, creation not known":     {got: Replacement{Wrote: rotated()}.WriterStayed(), want: false},
		"writer, no later file":            {got: Writer{Wrote: rotated()}.Moved(), want: false},
		"writer, a later one was rotated":  {got: Writer{Wrote: rotated(), Later: []LaterFile{{}, {Finished: true}}}.Moved(), want: true},
		"writer, bytes of a copy":          {got: Writer{Wrote: rotated(), Later: []LaterFile{{Size: 9, FirstWrote: after(time.Hour), Wrote: after(time.Hour)}}}.Moved(), want: false},
		"writer, written while it settles": {got: Writer{Wrote: rotated(), Later: []LaterFile{{Size: 9, FirstWrote: rotated(), Wrote: after(SettleTime)}}}.Moved(), want: false},
		"writer, written afterwards":       {got: Writer{Wrote: rotated(), Later: []LaterFile{{Size: 9, FirstWrote: rotated(), Wrote: after(SettleTime + tick)}}}.Moved(), want: true},
		"writer, touched and empty":        {got: Writer{Wrote: rotated(), Later: []LaterFile{{FirstWrote: rotated(), Wrote: after(time.Hour)}}}.Moved(), want: false},
	} {
		t.Run(name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %v, want %v", test.got, test.want)
			}
		})
	}
}

func TestI10_Content(t *testing.T) {
	for name, test := range map[string]struct {
		content Content
		want    Loss
	}{
		"as it was":                {content: Content{Seen: 9, Size: 9, SameStart: true, SameRest: true, Finished: true}, want: NoLoss},
		"grown":                    {content: Content{Seen: 9, Size: 10, SameStart: true, SameRest: true}, want: NoLoss},
		"shorter":                  {content: Content{Seen: 9, Size: 8, SameStart: true, SameRest: true, Finished: true}, want: Truncated},
		"another start":            {content: Content{Seen: 9, Size: 9, SameRest: true, Finished: true}, want: Edited},
		"another rest":             {content: Content{Seen: 9, Size: 9, SameStart: true, Finished: true}, want: Edited},
		"a hole at the start":      {content: Content{Seen: 9, Size: 9, SameRest: true, Holed: true, Finished: true}, want: Truncated},
		"an open file, others":     {content: Content{Seen: 9, Size: 99, SameRest: true}, want: Truncated},
		"shorter and another file": {content: Content{Seen: 9, Size: 1, Finished: true}, want: Truncated},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.content.Judge(); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
