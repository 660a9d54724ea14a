package rowsort

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// each returns the lines of an order, with their numbers.
func each(t *testing.T, o *Lines) (all []string) {
	t.Helper()
	var text strings.Builder
	err := o.Each(func(line int64, piece []byte, more bool) error {
		if text.Write(piece); !more {
			all = append(all, fmt.Sprintf("%d %s", line, text.String()))
			text.Reset()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Lines come back by number, long and short ones, whether they are in memory, in
// runs, or each in a run of its own.
func TestLinesByNumber(t *testing.T) {
	long := strings.Repeat("l", 300_000) // more than one buffer
	type line struct {
		number int64
		text   string
		long   bool // written piece by piece
	}
	for name, c := range map[string]struct {
		lines []line
		want  []string
	}{
		"none":                  {nil, nil},
		"empty lines":           {[]line{{2, "", false}, {1, "", false}}, []string{"1 ", "2 "}},
		"in another order":      {[]line{{3, "c", false}, {1, "a", false}, {2, "b", false}}, []string{"1 a", "2 b", "3 c"}},
		"numbers far apart":     {[]line{{1 << 40, "z", false}, {1, "a", false}}, []string{"1 a", "1099511627776 z"}},
		"twice":                 {[]line{{1, "a", false}, {1, "a", false}}, []string{"1 a", "1 a"}},
		"a long one":            {[]line{{2, long, true}, {1, "a", false}, {3, "c", false}}, []string{"1 a", "2 " + long, "3 c"}},
		"long ones only":        {[]line{{2, long, true}, {1, long + "x", true}}, []string{"1 " + long + "x", "2 " + long}},
		"a long one that isn't": {[]line{{2, "", true}, {1, "", true}}, []string{"1 ", "2 "}},
		"large, not by pieces":  {[]line{{2, long, false}, {1, long, false}}, []string{"1 " + long, "2 " + long}},
	} {
		for limit, label := range map[int]string{1 << 30: "in memory", 100: "in runs", 1: "a run each"} {
			t.Run(name+"/"+label, func(t *testing.T) {
				o := NewLines(t.TempDir(), limit)
				for _, l := range c.lines {
					var err error
					if l.long {
						err = o.AddLong(l.number, func(w io.Writer) error {
							_, err := io.WriteString(w, l.text)
							return err
						})
					} else {
						err = o.Add(l.number, func(b []byte) []byte { return append(b, l.text...) })
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if n := o.Count(); n != int64(len(c.lines)) {
					t.Errorf("%d lines were taken, want %d", n, len(c.lines))
				}
				if got := each(t, o); !slices.Equal(got, c.want) {
					t.Errorf("%.100q, want %.100q", got, c.want)
				}
				if names, err := os.ReadDir(o.runs.work); err != nil || len(names) > 0 {
					t.Errorf("the work directory has %v (%v)", names, err)
				}
				if err := o.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// An error of who writes a line, and of who takes it, is returned at once.
func TestLinesReturnErrors(t *testing.T) {
	broken := errors.New("broken")
	o := NewLines(t.TempDir(), 1)
	defer o.Close()
	if err := o.AddLong(1, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
	for limit := range map[int]bool{1: true, 1 << 20: true} {
		o := NewLines(t.TempDir(), limit)
		defer o.Close()
		for n := range int64(3) {
			if err := o.Add(n, func(b []byte) []byte { return append(b, 'x') }); err != nil {
				t.Fatal(err)
			}
		}
		calls := 0
		err := o.Each(func(int64, []byte, bool) error { calls++; return broken })
		if !errors.Is(err, broken) || calls != 1 {
			t.Errorf("limit %d: %v after %d calls", limit, err, calls)
		}
	}
}

// A file of runs that became shorter is an error, and no lines are made up.
func TestLinesNoticeACutFile(t *testing.T) {
	o := NewLines(t.TempDir(), 10)
	defer o.Close()
	for n := range int64(5) {
		if err := o.Add(n, func(b []byte) []byte { return append(b, "some text"...) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.runs.file.Truncate(o.runs.size() - 3); err != nil {
		t.Fatal(err)
	}
	err := o.Each(func(_ int64, text []byte, _ bool) error {
		if string(text) != "some text" {
			t.Errorf("a line is %q", text)
		}
		return nil
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want an unexpected end", err)
	}
}
