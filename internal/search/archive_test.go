package search

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
)

// counted counts the bytes read of an archive.
type counted struct {
	*archive.Bucket
	mu       sync.Mutex
	bytes    int64
	requests int
	keys     map[string]bool
}

func open(t testing.TB, dir string) *counted {
	t.Helper()
	b, err := archive.Open(t.Context(), "file://"+dir, archive.S3Config{})
	audittest.Must(t, err)
	return &counted{Bucket: b}
}

func (c *counted) read(ctx context.Context, key string, p []byte, off int64) (int, error) {
	c.mu.Lock()
	c.bytes += int64(len(p))
	c.requests++
	c.keys[key] = true
	c.mu.Unlock()
	return c.ReadAt(ctx, key, p, off)
}

// find searches the archive and returns the lines and the notes.
func (c *counted) find(t testing.TB, s Selection, form Form) (lines []string, notes string, err error) {
	t.Helper()
	c.bytes, c.requests, c.keys = 0, 0, map[string]bool{}
	var out, said bytes.Buffer
	err = search(t.Context(), c.Bucket, Config{Selection: s, Form: form, Work: t.TempDir(), Note: func(text string) { fmt.Fprintln(&said, text) }}, &out, c.read)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), said.String(), err
}

// month is an archive of some days with a file each, whose last line is at noon, and the text
// of all files. On one day an object has another name.
func month(t testing.TB, name string, days int) (dir string, logs [][]byte, size int64) {
	t.Helper()
	dir = audittest.FastDir(t)
	corpus := audittest.Corpus(t, name)
	shelf := catalogtest.Shelf{T: t, Dir: dir}
	for day := range days {
		noon := time.Date(2026, 10, 1+day, 12, 0, 0, 0, time.UTC)
		log := audittest.Shift(corpus, noon)
		if day == days/2 {
			log = bytes.ReplaceAll(log, []byte("pod-search-1"), []byte("pod-search-X"))
		}
		logs = append(logs, log)
		shelf.File(catalogtest.EpochOne, int64(day)+1, noon.Add(time.Second).Format(archive.RotatedLayout), string(log))
	}
	audittest.Must(t, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, _ := d.Info()
			size += info.Size()
		}
		return err
	}))
	return dir, logs, size
}

// A question about days reads little of them, and finds the same lines.
func TestSearchReadsLittle(t *testing.T) {
	days := 30
	if testing.Short() {
		days = 5
	}
	at := func(hour, minute int) time.Time { return time.Date(2026, 10, 3, hour, minute, 0, 0, time.UTC) }
	for _, corpus := range []string{"rotated.log", "diverse.log"} {
		dir, logs, size := month(t, corpus, days)
		c := open(t, dir)
		for _, test := range []struct {
			name      string
			selection Selection
			most      float64 // percent of the bytes
			files     int     // that are opened at most; 0: all
			none      bool
		}{
			{name: "an absent audit ID", selection: Selection{AuditIDs: []string{"5b0c1f3e-8d7a-4a52-9b11-0a6d3c2f7e90"}}, most: 3, none: true},
			{name: "an absent user", selection: Selection{Users: []string{"nobody@example.com"}}, most: 3, none: true},
			{name: "an absent address", selection: Selection{SourceIPs: []string{"203.0.113.77"}}, most: 3, none: true},
			{name: "an object of one day", selection: Selection{Resources: []string{"pods"}, Names: []string{"pod-search-X"}}, most: 5},
			{name: "an object of every file", selection: Selection{Resources: []string{"leases"}, Names: []string{"kube-scheduler"}}, most: 8},
			{name: "ten minutes", selection: Selection{Times: timerange.Range{From: at(11, 55), To: at(12, 5)}}, most: 30, files: 1},
			{name: "ten minutes without lines", selection: Selection{Times: timerange.Range{From: at(14, 0), To: at(14, 10)}}, most: 3, files: 1, none: true},
		} {
			got, _, err := c.find(t, test.selection, Text)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			want := linesOf(t, logs, test.selection)
			if test.none != (len(want) == 0) && !testing.Short() || !slices.Equal(got, want) && !(len(want) == 0 && got[0] == "") {
				t.Errorf("%s: %d lines, want %d", test.name, len(got), len(want))
			}
			part := 100 * float64(c.bytes) / float64(size)
			t.Logf("%s: %-26s %5d lines, %.2f %% of the bytes in %d requests to %d of %d objects", corpus, test.name+":", len(want), part, c.requests, len(c.keys), days)
			if part > test.most && !testing.Short() { // the corpus is cut then, footers are not
				t.Errorf("%s: %s: reads %.2f %% of the bytes, more than %v %%", corpus, test.name, part, test.most)
			}
			if test.files > 0 && len(c.keys) > test.files {
				t.Errorf("%s: %s: opens %d files: %v", corpus, test.name, len(c.keys), c.keys)
			}
		}
	}
}

// linesOf are the lines of logs that a selection lets through, as they are shown.
func linesOf(t testing.TB, logs [][]byte, s Selection) (shown []string) {
	t.Helper()
	for _, log := range logs {
		lines := Lines{Selection: s, Do: func(l Line) error {
			shown = append(shown, string(Text.Append(nil, l.Event)))
			return nil
		}}
		lines.Begin(time.Time{})
		_, err := lines.Write(log)
		audittest.Must(t, err)
	}
	return shown
}

// event is a line of some time.
func event(id, at string) string {
	line := catalogtest.Line(id, "22")
	return strings.ReplaceAll(line, "2026-11-22T12:00:00.000000Z", at)
}

// A time opens only the files that were written in it, and those of a clock that was set back.
func TestSearchOpensTheFilesOfTheTime(t *testing.T) {
	shelf := catalogtest.Shelf{T: t, Dir: t.TempDir()}
	for i := range 24 {
		shelf.File(catalogtest.EpochOne, int64(i)+1, fmt.Sprintf("2026-11-22T%02d-59-00.000", i), event(fmt.Sprintf("id-%02d", i), fmt.Sprintf("2026-11-22T%02d:30:00.000000Z", i)))
	}
	c := open(t, shelf.Dir)
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		audittest.Must(t, err)
		return when
	}
	s := Selection{Times: timerange.Range{From: at("2026-11-22T07:25:00Z"), To: at("2026-11-22T07:35:00Z")}}
	lines, notes, err := c.find(t, s, Exact)
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "id-07") || len(c.keys) != 1 || !strings.Contains(notes, "no records") {
		t.Errorf("%q of %v (%v, %q)", lines, c.keys, err, notes)
	}
	shelf.File(catalogtest.EpochOne, 25, "2026-11-22T20-00-00.000", event("id-24", "2026-11-22T07:31:00.000000Z"))
	if lines, _, err = c.find(t, s, Exact); err != nil || len(lines) != 2 || len(c.keys) != 2 {
		t.Errorf("after the clock was set back: %q of %v (%v)", lines, c.keys, err)
	}
	// replay restores whole files: no others than those that search opens.
	all, err := catalog.Find(t.Context(), catalog.Location{Bucket: c.Bucket})
	audittest.Must(t, err)
	if files := s.Files(all.Files); len(files) != 2 || files[0].Seq != 8 || files[1].Seq != 25 {
		t.Errorf("of the catalog: %d files of %d", len(files), len(all.Files))
	}
}

// An object that no record names is left out, counted, and an error; one without a record yet is a note.
func TestSearchOfUnrecordedObjects(t *testing.T) {
	shelf := catalogtest.Shelf{T: t, Dir: t.TempDir()}
	shelf.File(catalogtest.EpochOne, 1, "2026-11-22T12-01-00.000", catalogtest.Line("recorded", "22"))
	shelf.Record(catalogtest.EpochOne, 1, catalogtest.FileRecord(""))
	shelf.Record(catalogtest.EpochOne, 4, catalogtest.GapRecord())
	shelf.File(catalogtest.EpochOne, 3, "2026-11-22T12-03-00.000", catalogtest.Line("forged", "22"))
	c := open(t, shelf.Dir)
	lines, _, err := c.find(t, Selection{}, Exact)
	if err == nil || !strings.Contains(err.Error(), "left out 1 object with such lines that no record names") || len(lines) != 1 || !strings.Contains(lines[0], "recorded") {
		t.Errorf("%q (%v)", lines, err)
	}
	if lines, _, err = c.find(t, Selection{AuditIDs: []string{"recorded"}}, Exact); err != nil || len(lines) != 1 {
		t.Errorf("of the recorded file: %q (%v)", lines, err)
	}
	shelf.File(catalogtest.EpochOne, 5, "2026-11-22T12-05-00.000", catalogtest.Line("new", "22"))
	lines, notes, err := c.find(t, Selection{AuditIDs: []string{"new"}}, Exact)
	if err != nil || lines[0] != "" || !strings.Contains(notes, "left out 1 object with such lines, of files without a record yet") {
		t.Errorf("%q, %q (%v)", lines, notes, err)
	}
	text := catalogtest.Line("new", "22")
	shelf.Parts(catalogtest.EpochOne, 5, text, 0, len(text))
	if lines, _, err := c.find(t, Selection{AuditIDs: []string{"new"}}, Exact); err != nil || len(lines) != 1 || !strings.Contains(lines[0], "new") {
		t.Errorf("with its increment: %q (%v)", lines, err)
	}
}

// Increments count until the finished file is there; of those that overlap the longest.
func TestSearchOfAnOpenFile(t *testing.T) {
	shelf := catalogtest.Shelf{T: t, Dir: t.TempDir()}
	text := catalogtest.Line("a", "22") + catalogtest.Line("b", "22") + catalogtest.Line("c", "22")
	n := len(text) / 3
	shelf.Parts(catalogtest.EpochOne, 1, text, 0, n, 3*n)
	shelf.Parts(catalogtest.EpochOne, 1, text, n, 2*n)
	c := open(t, shelf.Dir)
	lines, _, err := c.find(t, Selection{}, Exact)
	if err != nil || strings.Join(lines, "\n")+"\n" != text {
		t.Errorf("%q (%v)", lines, err)
	}
	shelf.File(catalogtest.EpochOne, 1, "2026-11-22T13-00-00.000", text)
	if lines, _, err = c.find(t, Selection{}, Exact); err != nil || len(lines) != 3 || len(c.keys) != 1 {
		t.Errorf("beside the finished file: %q of %v (%v)", lines, c.keys, err)
	}
}

// An object under another's name is refused.
func TestSearchOfACopiedObject(t *testing.T) {
	shelf := catalogtest.Shelf{T: t, Dir: t.TempDir()}
	shelf.File(catalogtest.EpochOne, 1, "2026-11-22T12-01-00.000", catalogtest.Line("a", "22"))
	key := func(seq int64) string {
		return filepath.Join(shelf.Dir, archive.DataKey("c", "2026-11-22", "2026-11-22T12-01-00.000", "n", catalogtest.EpochOne, seq))
	}
	audittest.Must(t, os.Rename(key(1), key(2)))
	if _, _, err := open(t, shelf.Dir).find(t, Selection{}, Text); err == nil || !strings.Contains(err.Error(), "was it copied to another name?") {
		t.Errorf("%v", err)
	}
}
