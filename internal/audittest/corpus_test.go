package audittest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestCorpusIsWhatItsDocSays(t *testing.T) {
	for name, want := range map[string]struct {
		size, lines int
		newline     bool
	}{
		"diverse.log":   {2032413, 1277, true},
		"rotated.log":   {10485452, 8294, true},
		"torn-line.log": {300000, 285, false},
		"nul-hole.log":  {8927733, 44, true},
		"enospc.log":    {3145728, 2386, false},
	} {
		content, err := audittest.ReadCorpus(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) != want.size || bytes.Count(content, []byte("\n")) != want.lines {
			t.Errorf("%s: %d bytes, %d lines; want %d, %d",
				name, len(content), bytes.Count(content, []byte("\n")), want.size, want.lines)
		}
		if got := bytes.HasSuffix(content, []byte("\n")); got != want.newline {
			t.Errorf("%s ends with a newline: %v, want %v", name, got, want.newline)
		}
	}
	if got := len(audittest.Names()); got != 5 {
		t.Errorf("%d names, want 5", got)
	}
}

func TestReadCorpusUnknownName(t *testing.T) {
	if _, err := audittest.ReadCorpus("nothing.log"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v does not wrap fs.ErrNotExist", err)
	}
}

func TestGzipFile(t *testing.T) {
	f, err := os.Open(audittest.GzipFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(content, []byte("\n")); got != 3638 {
		t.Errorf("%d lines, want 3638", got)
	}
}

func TestLinesYieldsTheLastLineWithoutNewline(t *testing.T) {
	var got []string
	for line := range audittest.Lines([]byte("a\n\nb\r\nc")) {
		got = append(got, string(line))
	}
	if want := []string{"a", "", "b\r", "c"}; len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFreshLinesDifferAndKeepTheirForm(t *testing.T) {
	content := audittest.Corpus(t, "diverse.log")
	type event struct{ AuditID, Stage, StageTimestamp, RequestURI string }
	seen := make(map[string]bool)
	var first event
	n := 0
	for line := range audittest.Fresh(content, 3000) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		if seen[string(line)] {
			t.Errorf("line %d came twice", n)
		}
		seen[string(line)] = true
		if n == 0 {
			first = e
		}
		n++
	}
	if n != 3000 {
		t.Errorf("%d lines, want 3000", n)
	}
	if first.AuditID != "00000000-0000-4000-8000-000000000000" || first.RequestURI != "/openapi/v3" {
		t.Errorf("first line: %+v", first)
	}
	if bytes.Contains(content, []byte(first.StageTimestamp)) {
		t.Error("stageTimestamp was not renewed")
	}
}

func TestFreshOfNothing(t *testing.T) {
	for range audittest.Fresh(nil, 5) {
		t.Fatal("a line out of nothing")
	}
}

func TestShiftMovesTimeAlone(t *testing.T) {
	content := audittest.Corpus(t, "diverse.log")
	newest := time.Date(2031, 2, 3, 23, 59, 59, 123456000, time.UTC)
	shifted := audittest.Shift(content, newest)
	if len(shifted) != len(content) {
		t.Fatalf("%d bytes became %d", len(content), len(shifted))
	}
	type event struct {
		StageTimestamp, RequestReceivedTimestamp time.Time
	}
	parse := func(line []byte) (e event) {
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	before, after := slices.Collect(audittest.Lines(content)), slices.Collect(audittest.Lines(shifted))
	by := parse(after[0]).StageTimestamp.Sub(parse(before[0]).StageTimestamp)
	var last time.Time
	for i := range before {
		a, b := parse(after[i]), parse(before[i])
		if a.StageTimestamp.Sub(b.StageTimestamp) != by || a.RequestReceivedTimestamp.Sub(b.RequestReceivedTimestamp) != by {
			t.Fatalf("line %d moved by another time than the first", i+1)
		}
		if a.StageTimestamp.After(last) {
			last = a.StageTimestamp
		}
	}
	if !last.Equal(newest) {
		t.Errorf("newest %v, want %v", last, newest)
	}
	if back := audittest.Shift(shifted, newest.Add(-by)); !bytes.Equal(back, content) {
		t.Error("shifting back does not give the original")
	}
}

func TestReadRealHasEveryLineOnce(t *testing.T) {
	content, err := audittest.ReadReal()
	if err != nil {
		t.Fatal(err)
	}
	lines, seen := 0, map[string]bool{}
	for line := range audittest.Lines(content) {
		lines++
		if seen[string(line)] {
			t.Fatalf("line %d stands there twice", lines)
		}
		seen[string(line)] = true
	}
	const twice = 506 // in diverse.log and in the compressed backup
	if want := 1277 + 8294 + 3638 + 5*336 - twice; lines != want {
		t.Errorf("%d lines, want %d", lines, want)
	}
}

func TestNowMovesTheStageAlone(t *testing.T) {
	content := bytes.Repeat([]byte(audittest.FullLine), 2)
	before, lines := time.Now().UTC().Truncate(time.Microsecond), 0
	for line := range audittest.Now(content) {
		lines++
		var event struct{ StageTimestamp time.Time }
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		if event.StageTimestamp.Before(before) {
			t.Errorf("line %d is of %v, before %v", lines, event.StageTimestamp, before)
		}
		old := []byte("2026-11-22T16:59:23.525775Z")
		stamp := event.StageTimestamp.UTC().Format("2006-01-02T15:04:05.000000Z")
		if got := bytes.Replace(line, []byte(stamp), old, 1); !bytes.Equal(append(got, '\n'), []byte(audittest.FullLine)) {
			t.Errorf("line %d: %s", lines, got)
		}
	}
	if lines != 2 {
		t.Errorf("%d lines", lines)
	}
}
