package search

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
)

var rotated = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

// collect gives the lines of a file that is written in pieces of n bytes.
func collect(tb testing.TB, selection Selection, log []byte, n int) (lines []string, times []time.Time) {
	tb.Helper()
	l := Lines{Selection: selection, Do: func(line Line) error {
		lines, times = append(lines, string(line.Bytes)), append(times, line.Time)
		return nil
	}}
	l.Begin(rotated)
	for piece := range slices.Chunk(log, n) {
		if _, err := l.Write(piece); err != nil {
			tb.Fatal(err)
		}
	}
	if err := l.End(); err != nil {
		tb.Fatal(err)
	}
	return lines, times
}

// Every line of a real log comes out as it is, whatever the pieces.
func TestLinesAreExact(t *testing.T) {
	log := audittest.Corpus(t, "diverse.log")
	want := strings.Split(strings.TrimSuffix(string(log), "\n"), "\n")
	for _, n := range []int{1 << 10, 64 << 10, len(log)} {
		if got, _ := collect(t, Selection{}, log, n); !slices.Equal(got, want) {
			t.Errorf("pieces of %d bytes: %d lines, want %d", n, len(got), len(want))
		}
	}
	if got, _ := collect(t, Selection{}, []byte("a\n\nb"), 1); !slices.Equal(got, []string{"a", "", "b"}) {
		t.Errorf("%q", got)
	}
}

// A hole takes no memory and costs no event.
func TestI8_LinesAroundAHole(t *testing.T) {
	const event = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"2026-11-22T17:00:00.000001Z"}`
	hole := strings.Repeat("\x00", 3<<20)
	for _, n := range []int{1 << 10, 64 << 10, 256 << 10} {
		got, _ := collect(t, Selection{}, []byte(hole+event+"\ntorn"+hole+event+"\n\x00"+event+"\n"), n)
		if len(got) != 3 || got[0] != event || got[2] != event || !strings.HasSuffix(got[1], "\x00"+event) || len(got[1]) > 600<<10 {
			t.Errorf("pieces of %d bytes: %d lines, the second has %d bytes", n, len(got), len(got[1]))
		}
	}
}

// A line without a time has its predecessor's, and before any the rotation's.
func TestLinesTimes(t *testing.T) {
	const line = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"2026-11-22T17:00:00.000001Z"}`
	at := time.Date(2026, 11, 22, 17, 0, 0, 1000, time.UTC)
	_, times := collect(t, Selection{}, []byte("torn\n"+line+"\ntorn\n"), 7)
	if !slices.EqualFunc(times, []time.Time{rotated, at, at}, time.Time.Equal) {
		t.Errorf("%v", times)
	}
}

func TestMatch(t *testing.T) {
	const line = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-1","stage":"ResponseComplete","requestURI":"/x","verb":"get","user":{"username":"alice"},"sourceIPs":["10.0.0.1","10.0.0.2"],"objectRef":{"resource":"pods"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-11-22T17:00:00.000000Z","stageTimestamp":"2026-11-22T17:00:00.000000Z"}`
	at := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	from := func(at time.Time) timerange.Range { return timerange.Range{From: at} }
	to := func(at time.Time) timerange.Range { return timerange.Range{To: at} }
	for _, test := range []struct {
		name      string
		selection Selection
		want      bool
	}{
		{"nothing asked", Selection{}, true},
		{"from this moment", Selection{Times: from(at)}, true},
		{"from the next", Selection{Times: from(at.Add(1))}, false},
		{"to this moment", Selection{Times: to(at)}, false},
		{"to the next", Selection{Times: to(at.Add(1))}, true},
		{"one of two users", Selection{Users: []string{"bob", "alice"}}, true},
		{"another user", Selection{Users: []string{"bob"}}, false},
		{"all fields count", Selection{Users: []string{"alice"}, Verbs: []string{"list"}}, false},
		{"resource and code", Selection{Resources: []string{"pods"}, Codes: []string{"200"}}, true},
		{"another code", Selection{Codes: []string{"404"}}, false},
		{"an absent field", Selection{Namespaces: []string{"default"}}, false},
		{"an absent name", Selection{Names: []string{"x"}}, false},
		{"the second address", Selection{SourceIPs: []string{"10.0.0.2"}}, true},
		{"another address", Selection{SourceIPs: []string{"10.0.0.3"}}, false},
		{"audit ID", Selection{AuditIDs: []string{"a-1"}}, true},
		{"another audit ID", Selection{AuditIDs: []string{"a-2"}}, false},
		{"an expression", Selection{Grep: regexp.MustCompile(`"username":"al`)}, true},
		{"another expression", Selection{Grep: regexp.MustCompile("bob")}, false},
	} {
		if got, _ := collect(t, test.selection, []byte(line+"\n"), 100); (len(got) == 1) != test.want {
			t.Errorf("%s: %d lines", test.name, len(got))
		}
	}
}

func TestDays(t *testing.T) {
	f := Selection{Times: timerange.Range{From: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)}}
	first, last := f.Days()
	if first.Format(time.DateOnly) != "2026-02-28" || last.Format(time.DateOnly) != "2026-03-02" {
		t.Errorf("%s to %s", first, last)
	}
	if first, last = (&Selection{}).Days(); !first.IsZero() || !last.IsZero() {
		t.Errorf("no bounds: %s to %s", first, last)
	}
}

// An error of Do ends it.
func TestLinesStop(t *testing.T) {
	stop := errors.New("enough")
	l := Lines{Do: func(Line) error { return stop }}
	l.Begin(rotated)
	if _, err := l.Write([]byte("a\nb\n")); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// Any lines come out again, however they are cut, without the NUL bytes before them.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb"), 1)
	f.Add([]byte("\n\n"), 2)
	f.Add([]byte("\x00"), 1)
	f.Add([]byte("a\n\x00\x00b\x00c\n\x00"), 3)
	f.Add([]byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"2026-11-22T17:00:00Z"`), 5)
	f.Fuzz(func(t *testing.T, log []byte, n int) {
		want := strings.Split(string(log), "\n")
		for i, line := range want {
			want[i] = strings.TrimLeft(line, "\x00")
		}
		if last := len(want) - 1; want[last] == "" {
			want = want[:last]
		}
		if got, _ := collect(t, Selection{}, log, max(n, 1)); !slices.Equal(got, want) {
			t.Errorf("%q came out as %q", log, got)
		}
	})
}
