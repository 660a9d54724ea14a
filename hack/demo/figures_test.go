package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func good() figures {
	return figures{
		files: 4, lines: 8294, json: 10_485_452, rows: 8294, objects: 4, parquet: 1_048_545,
		entries: 8300, distinct: 8294, identical: 8292, redacted: 1, long: 1, shrunk: 1, lokiLag: 640 * time.Millisecond,
		streamEqual: true, filesEqual: true, proven: true, tamperFound: true,
	}
}

func TestVerdict(t *testing.T) {
	if err := good().verdict(); err != nil {
		t.Errorf("all well, but: %v", err)
	}
	for name, spoil := range map[string]func(*figures){
		"lines archived":     func(f *figures) { f.rows-- },
		"distinct Loki":      func(f *figures) { f.distinct++ },
		"in Loki unchanged":  func(f *figures) { f.identical-- },
		"entries are shrunk": func(f *figures) { f.shrunk-- },
		"restored lines":     func(f *figures) { f.streamEqual = false },
		"restored files":     func(f *figures) { f.filesEqual = false },
		"something wrong":    func(f *figures) { f.proven = false },
		"a flipped bit":      func(f *figures) { f.tamperFound = false },
		"were written":       func(f *figures) { f.files = 1 },
	} {
		f := good()
		spoil(&f)
		if err := f.verdict(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: verdict %v", name, err)
		}
	}
}

func TestFiguresTable(t *testing.T) {
	table := good().String()
	for _, want := range []string{"8,292 of 8,294", "10,485,452", "10.0 : 1 (100 MB per GB", "8,300 (6 sent twice)", "640ms", "restored byte for byte     yes"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in:\n%s", want, table)
		}
	}
}

func TestAgree(t *testing.T) {
	table := good().String()
	for name, test := range map[string]struct{ old, new, want string }{
		"the same":             {"8,294", "8,294", ""},
		"another time":         {"640ms", "2s", ""},
		"a size nearby":        {"1,048,545", "1,050,000", ""},
		"other lines":          {"10,485,452", "20,485,452", "JSON bytes"},
		"another word":         {"byte for byte     yes", "byte for byte     no", "restored byte for byte"},
		"a number too many":    {"8,292 of 8,294", "8,292", "identical lines"},
		"no row of this table": {table, "text", "no row"},
	} {
		err := good().agree(strings.ReplaceAll(table, test.old, test.new))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestUpdate(t *testing.T) {
	table := "before\n" + good().String() + "after\n"
	for name, test := range map[string]struct{ old, new, want string }{
		"the same":      {"8,294", "8,294", table},
		"a size nearby": {"1,048,545", "1,050,000", strings.ReplaceAll(table, "1,048,545", "1,050,000")},
		"other bytes":   {"10,485,452", "20,485,452", table},
		"another word":  {"byte for byte     yes", "byte for byte     no", table},
		"no such row":   {"JSON bytes", "other bytes", strings.ReplaceAll(table, "JSON bytes", "other bytes")},
	} {
		if got := good().update(strings.ReplaceAll(table, test.old, test.new)); got != test.want {
			t.Errorf("%s: the page is now\n%s", name, got)
		}
	}
}

func TestDirectoryIsNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "try", "demo")
	if _, err := directory(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := directory(dir); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("the same directory again: %v", err)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestIdenticalTakesEachEntryOnce(t *testing.T) {
	if got := identical([]byte("a\na\nb\n"), []string{"b", "a", "c"}); got != 2 {
		t.Errorf("%d identical, want 2", got)
	}
}

func TestSameFiles(t *testing.T) {
	dir := t.TempDir()
	writer, err := audittest.NewWriter(audittest.Config{Path: filepath.Join(dir, "audit", "audit.log")})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := writer.WriteLine([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := writer.Rotate(); err != nil {
		t.Fatal(err)
	}
	name := writer.Files()[0].Name
	for label, test := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"the file":      {map[string]string{name: "a\n"}, true},
		"no file":       {nil, false},
		"other bytes":   {map[string]string{name: "a"}, false},
		"another name":  {map[string]string{"audit.log": "a\n"}, false},
		"one more file": {map[string]string{name: "a\n", "audit.log": ""}, false},
	} {
		restored := t.TempDir()
		for name, content := range test.files {
			if err := os.WriteFile(filepath.Join(restored, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := sameFiles(writer, restored); err != nil || got != test.want {
			t.Errorf("%s: %v, %v; want %v", label, got, err, test.want)
		}
	}
}
