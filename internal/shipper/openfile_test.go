package shipper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// The increments of a file that was cut stay reachable: the file takes another number, unless
// it only became shorter than they are.
func TestI10_IncrementsOfATruncatedFile(t *testing.T) {
	first, second := event(22, "a")+event(22, "b"), event(22, "c")
	hole := strings.Repeat("\x00", len(first))
	for name, test := range map[string]struct {
		now  string
		file int64 // its number
	}{
		"to nothing":           {"", 1},
		"and grown again":      {second + second + second + second, 2},
		"to the first line":    {event(22, "a"), 1},
		"under its writer":     {hole + second, 2},
		"and more was cut off": {hole + "\x00\x00\x00" + second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			y := newOpenYard(t, time.Nanosecond)
			y.add("0", first, asOpen)
			y.sync()
			must(t, os.WriteFile(y.heldPath("0"), []byte(test.now), 0o600))
			y.sync()
			y.sync()
			if got := y.store.partial(t, 1); got != first {
				t.Errorf("increments of %s, want %s", brief(got), brief(first))
			}
			if got := y.store.partial(t, 2); test.file == 2 && got != test.now {
				t.Errorf("increments after the cut of %s, want %s", brief(got), brief(test.now))
			}
			y.finish("0")
			y.sync()
			if got := y.store.restored(t); len(got) != 1 || got[0] != test.now {
				t.Errorf("the archive holds %q", got)
			}
			if strings.Join(y.gaps, " ") != "truncated" && !strings.HasPrefix(test.now, "\x00") || y.gaps[0] != "truncated" {
				t.Errorf("gaps %q", y.gaps)
			}
			for _, r := range y.store.records(t) {
				if r.Kind == manifest.KindFile && r.Seq != test.file {
					t.Errorf("the file has number %d, want %d", r.Seq, test.file)
				}
			}
			y.store.wantChain(t)
		})
	}
}

// A file that has grown for days comes in pieces, one a pass, without waiting.
func TestIncrementsAreBounded(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "big")
	line := strings.Repeat("x", 1<<10-1) + "\n"
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 70 {
		if _, err := f.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(200 << 10); err != nil { // one long line of NULs
		t.Fatal(err)
	}
	defer f.Close()
	for _, test := range []struct {
		size, from, end int64
		capped          bool
	}{
		{70 << 10, 0, 64 << 10, true},
		{70<<10 - 5, 64 << 10, 69 << 10, false},
		{70 << 10, 64 << 10, 70 << 10, false},
		{70 << 10, 70 << 10, 70 << 10, false},
		{1<<10 - 1, 0, 0, false},
		{200 << 10, 64 << 10, 70 << 10, true},
		{200 << 10, 70 << 10, 70 << 10, true},
	} {
		g := &growing{f, test.size}
		end, capped, err := g.lastLine(test.from, 64<<10)
		if end != test.end || capped != test.capped || err != nil {
			t.Errorf("size %d, from %d: %d, %v, %v; want %d, %v", test.size, test.from, end, capped, err, test.end, test.capped)
		}
	}
}

// An event behind a hole that is longer than an increment does not wait for the whole file.
func TestI8_IncrementBehindAHole(t *testing.T) {
	y := newOpenYard(t, 15*time.Minute)
	y.shipper.increments.most = 64
	born := time.Now().Add(-time.Hour).UTC()
	hole := strings.Repeat("\x00", 3*lookBack+9)
	y.add("0", "torn"+hole+"event\n"+strings.Repeat("x", 65)+"\n", func(e *ledger.Entry) { asOpen(e); e.Born = born })
	for range 2 { // a line that is too long still waits
		y.sync()
		e, _ := y.ledger.Get("0")
		if e.Open == nil || e.Open.Line != 1 || e.Open.Offset != int64(len(hole)+10) {
			t.Fatalf("%+v", e.Open)
		}
	}
}

// Lines that did not fit into an increment do not wait for the next one's time.
func TestCappedIncrementIsFollowedAtOnce(t *testing.T) {
	y := newOpenYard(t, 15*time.Minute)
	y.shipper.increments.most = 64
	long := strings.Repeat("x", 20) + "\n"
	born := time.Now().Add(-time.Hour).UTC()
	y.add("0", long+long+long+long, func(e *ledger.Entry) { asOpen(e); e.Born = born })
	for want := range 2 {
		y.sync()
		e, _ := y.ledger.Get("0")
		if e.Open == nil || e.Open.Line != int64(3+want) || e.Open.At.Equal(born) != (want == 0) {
			t.Fatalf("pass %d: %+v", want, e.Open)
		}
	}
}

// stamped is a line that was written at a time.
func stamped(at time.Time) string {
	return `{"a":{"x":1,"stageTimestamp":"2001-02-03T04:05:06.000000Z"},"stageTimestamp":"` + at.UTC().Format("2006-01-02T15:04:05.000000Z") + `","annotations":{}}` + "\n"
}

func TestLinesOfOneDay(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(days int) string { return stamped(noon.AddDate(0, 0, days)) }
	long := "{" + strings.Repeat("x", lookBack) + at(0)
	for name, test := range map[string]struct {
		after int    // the day after which they were written
		of    string // the lines that are of one day
		rest  string
		want  int // the day
	}{
		"of today":               {0, at(0) + at(-1) + at(0), "", 0},
		"from midnight on":       {-1, at(-1) + at(-1), at(0) + at(0), -1},
		"the day is over":        {-1, at(-1), "", -1},
		"of the days in between": {-3, at(-2), at(-1) + at(0), -2},
		"all of a later day":     {-3, at(-1) + at(-1), "", -1},
		"stamped late":           {-1, at(-1) + at(-2), at(0) + at(-1), -1},
		"stamped too early":      {-1, at(-1) + at(1) + at(-1), at(0), -1},
		"without a timestamp":    {-1, "no event\n" + at(-1) + "no event\n", at(0), -1},
		"nothing has one":        {-1, "no event\n", "", -1},
		"long lines":             {-1, long[:len(long)-1] + "\n", "", 0},
		"a long line behind":     {-1, at(-1), long, -1},
		"it is not known when":   {-1_000_000, at(-1) + at(0), "", 0},
		"after a time to come":   {1, at(-1) + at(0), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			must(t, os.WriteFile(path, []byte("before\n"+test.of+test.rest), 0o600))
			src, err := openSource(path)
			must(t, err)
			defer src.Close()
			after := noon.AddDate(0, 0, test.after)
			if test.after < -1000 {
				after = time.Time{}
			}
			from := int64(len("before\n"))
			of, to, err := (&growing{src.File, src.size}).oneDay(from, src.size, after, noon)
			if want := noon.AddDate(0, 0, test.want).Truncate(day); err != nil || !of.Equal(want) || to-from != int64(len(test.of)) {
				t.Errorf("%d bytes of %s, %v; want %d of %s", to-from, of, err, len(test.of), want)
			}
		})
	}
}

// An increment is cut at midnight, so that each is of one day; the lines behind it wait no longer
// than others.
func TestIncrementsEndAtMidnight(t *testing.T) {
	y := newOpenYard(t, 15*time.Minute)
	synctest.Test(t, func(t *testing.T) { // it begins at a midnight
		time.Sleep(23*time.Hour + 52*time.Minute)
		y.add("0", "", func(e *ledger.Entry) { asOpen(e); e.Born = time.Now() })
		want := ""
		for range 16 {
			line := stamped(time.Now())
			y.grow("0", line)
			want += line
			time.Sleep(time.Minute)
			y.sync()
		}
		if got := y.store.increments(); len(got) != 1 || !strings.HasSuffix(got[0], "-2000-01-01") || y.store.partial(t, 1) != want[:len(want)/2] {
			t.Fatalf("increments %q of %q", got, y.store.partial(t, 1))
		}
		time.Sleep(6 * time.Minute)
		y.sync()
		time.Sleep(time.Minute)
		y.sync()
		if got := y.store.increments(); len(got) != 2 || !strings.HasSuffix(got[1], "-2000-01-02") || y.store.partial(t, 1) != want {
			t.Fatalf("increments %q of %q", got, y.store.partial(t, 1))
		}
	})
}

func TestInterval(t *testing.T) {
	for _, test := range []struct{ lag, every, want time.Duration }{
		{0, 30 * time.Second, 30 * time.Second},
		{15 * time.Minute, 30 * time.Second, 30 * time.Second},
		{time.Minute, 30 * time.Second, 15 * time.Second},
		{time.Millisecond, 30 * time.Second, time.Second},
	} {
		s := &Shipper{workspace: &workspace{cfg: Config{MaxLag: test.lag, Interval: test.every}}}
		if got := s.interval(); got != test.want {
			t.Errorf("lag %s: %s, want %s", test.lag, got, test.want)
		}
	}
}
