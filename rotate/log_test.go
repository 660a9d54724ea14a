package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestParsePath(t *testing.T) {
	for path, want := range map[string]Log{
		"/var/log/kubernetes/audit/audit.log": {"/var/log/kubernetes/audit", "audit", ".log"},
		"/var/log//kubernetes/./audit.json":   {"/var/log/kubernetes", "audit", ".json"},
		"audit.log":                           {".", "audit", ".log"},
		"./logs/audit":                        {"logs", "audit", ""},
		"/audit.log":                          {"/", "audit", ".log"},
		"/logs/kube-apiserver.audit.log":      {"/logs", "kube-apiserver.audit", ".log"},
		"/logs/.log":                          {"/logs", "", ".log"},
		"/logs/audit.":                        {"/logs", "audit", "."},
	} {
		got, err := ParsePath(path)
		if err != nil || got != want {
			t.Errorf("ParsePath(%q) = %+v, %v; want %+v", path, got, err, want)
		}
		if got.Path() != filepath.Clean(path) {
			t.Errorf("ParsePath(%q).Path() = %q", path, got.Path())
		}
	}
}

func TestParsePathErrorsNameTheRemedy(t *testing.T) {
	for path, word := range map[string]string{
		"": "is empty", "-": "standard output", "/var/log/": "is a directory", ".": "is a directory", "..": "is a directory",
		"/": "is a directory", "logs/..": "is a directory", "logs/.": "is a directory",
	} {
		_, err := ParsePath(path)
		if err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "--audit-log-path") {
			t.Errorf("ParsePath(%q): error %v, want one with %q and the flag's name", path, err, word)
		}
	}
}

// names lists the log as a text: the paths' base names.
func names(t *testing.T, log Log) string {
	t.Helper()
	segments, err := log.Segments()
	must(t, err)
	var b strings.Builder
	for _, s := range segments {
		fmt.Fprintf(&b, "%s ", filepath.Base(s.Path))
	}
	return strings.TrimSpace(b.String())
}

func TestSegmentsAreInRotationOrderOpenFileLast(t *testing.T) {
	log := newLog(t)
	for _, name := range []string{
		"audit.log", "audit-2026-11-22T17-12-15.746.log", "audit-2026-11-22T17-12-15.745.log.gz",
		"audit-2026-01-02T00-00-00.000.log", "audit-2025-12-31T23-59-59.999.log",
		"audit-2026-03-01T00-00-00.000.log", "audit-2026-03-01T00-00-00.000.log.gz", // being compressed
		"audit-2026-03-01T00-00-00.log", "audit.log.1", "other.log", "audit-old.log", "notes",
	} {
		log.put(t, name, "x\n")
	}
	must(t, os.Mkdir(filepath.Join(log.Dir, "audit-2026-11-01T00-00-00.000.log"), 0o700))
	must(t, os.Mkdir(filepath.Join(log.Dir, ".auditsidecar"), 0o700))
	must(t, os.Symlink("other.log", filepath.Join(log.Dir, "audit-2026-11-02T00-00-00.000.log")))
	must(t, syscall.Mkfifo(filepath.Join(log.Dir, "audit-2026-11-03T00-00-00.000.log"), 0o600))

	want := "audit-2025-12-31T23-59-59.999.log audit-2026-01-02T00-00-00.000.log audit-2026-03-01T00-00-00.000.log " +
		"audit-2026-11-22T17-12-15.745.log.gz audit-2026-11-22T17-12-15.746.log audit.log"
	if got := names(t, log); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSegmentFields(t *testing.T) {
	log := newLog(t)
	log.put(t, "audit.log", "open\n")
	log.put(t, "audit-2026-01-02T00-00-00.000.log", "plain\n")
	log.put(t, "audit-2026-01-03T00-00-00.000.log.gz", "packed\n")
	segments, err := log.Segments()
	must(t, err)
	if len(segments) != 3 {
		t.Fatalf("%d segments, want 3", len(segments))
	}
	for i, want := range []Segment{
		{Name: "audit-2026-01-02T00-00-00.000.log", Rotated: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Finished: true, Size: 6},
		{Name: "audit-2026-01-03T00-00-00.000.log", Rotated: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), Finished: true, Gzip: true, Size: 7},
		{Name: "audit.log", Size: 5},
	} {
		got := segments[i]
		var st syscall.Stat_t
		must(t, syscall.Stat(got.Path, &st))
		if got.ID != fmt.Sprintf("%d-%d", st.Dev, st.Ino) || got.Inode != st.Ino || got.Device != st.Dev {
			t.Errorf("%s: ID %s, device %d, inode %d; want %d, %d", got.Name, got.ID, got.Device, got.Inode, st.Dev, st.Ino)
		}
		info, err := os.Stat(got.Path)
		must(t, err)
		if !got.ModTime.Equal(info.ModTime()) {
			t.Errorf("%s: modified %v, want %v", got.Name, got.ModTime, info.ModTime())
		}
		want.ID, want.Path, want.Inode, want.Device, want.ModTime = got.ID, got.Path, got.Inode, got.Device, got.ModTime
		if got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

func TestSegmentIDSurvivesRotation(t *testing.T) {
	log := newLog(t)
	log.put(t, "audit.log", "x\n")
	before, err := log.Segments()
	must(t, err)
	log.move(t, "audit.log", "audit-2026-01-02T00-00-00.000.log")
	after, err := log.Segments()
	must(t, err)
	if len(before) != 1 || len(after) != 1 || before[0].ID != after[0].ID || !after[0].Finished {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

func TestSegmentsOfAMissingDirectory(t *testing.T) {
	log := Log{Dir: filepath.Join(t.TempDir(), "none"), Base: "audit", Ext: ".log"}
	if _, err := log.Segments(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), log.Dir) {
		t.Errorf("error %v does not wrap fs.ErrNotExist or does not name %s", err, log.Dir)
	}
}

func TestSegmentsRefusesAnOpenFileThatIsNone(t *testing.T) {
	for kind, create := range map[string]func(path string) error{
		"directory":     func(path string) error { return os.Mkdir(path, 0o700) },
		"symbolic link": func(path string) error { return os.Symlink("/dev/stdout", path) },
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		log := newLog(t)
		must(t, create(log.Path()))
		if _, err := log.Segments(); err == nil || !strings.Contains(err.Error(), kind) || !strings.Contains(err.Error(), log.Path()) {
			t.Errorf("%s: error %v", kind, err)
		}
	}
}

// A listing taken while the log rotates must never have the new open file
// without the one that was rotated away just before.
func TestSegmentsDuringRotations(t *testing.T) {
	t.Parallel()
	log := newLog(t)
	log.put(t, "audit.log", "0")
	const rotations = 800
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	name := func(i int) string { return log.BackupName(start.Add(time.Duration(i) * time.Millisecond)) }
	var pruned atomic.Int64 // the newest backup that may be gone
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; i <= rotations; i++ {
			log.move(t, "audit.log", name(i))
			log.put(t, "audit.log", strings.Repeat("x", i)) // its size says which one it is
			if i > 20 {
				pruned.Store(int64(i - 20))
				log.remove(t, name(i-20))
			}
			time.Sleep(300 * time.Microsecond)
		}
	})
	defer wg.Wait()
	checked := 0
	for last := 0; last < rotations; {
		segments, err := log.Segments()
		must(t, err)
		for i, s := range segments {
			if s.Finished {
				if n := int(s.Rotated.Sub(start).Milliseconds()); i > 0 && n != last+1 && n-1 > int(pruned.Load()) {
					t.Fatalf("backup %d is followed by backup %d", last, n)
				} else {
					last = n
				}
			} else if s.Size > 0 && i > 0 {
				checked++
				if s.Size != int64(last) {
					t.Fatalf("backup %d is followed by open file %d", last, s.Size)
				}
			}
		}
	}
	t.Logf("%d listings had an open file to check", checked)
}

func TestSettledHasNoHole(t *testing.T) {
	list := func(names ...string) (segments []Segment) {
		for _, name := range names {
			segments = append(segments, Segment{Name: name})
		}
		return segments
	}
	for _, c := range []struct {
		name                 string
		earlier, later, want []Segment
	}{
		{"nothing new", list("a", "b"), list("a", "b"), list("a", "b")},
		{"pruned since", list("a", "b"), list("b"), list("b")},
		{"rotated since", list("a"), list("a", "b", "c"), list("a")},
		{"the earlier one missed b", list("a", "c"), list("a", "b", "c"), list("a")},
		{"the later one missed b", list("a"), list("a", "c"), list("a")},
		{"the first listing", nil, list("a"), nil},
	} {
		got := settled(c.earlier, c.later)
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
