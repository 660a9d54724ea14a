package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	return string(data)
}

func check(t *testing.T, dir string, keys []manifest.TrustedKey, fingerprint string) []string {
	t.Helper()
	faults, err := Check(t.Context(), dir, keys, fingerprint)
	if err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

// A pack shows each day as it is, the settings in force and the gap, and its own check agrees.
func TestMake(t *testing.T) {
	s := ordinary(t)
	dir, pack := s.make(2, 7, nil)
	if pack.Verdict != "Part of this period is unknown" || !pack.Clean {
		t.Errorf("%+v", pack)
	}
	if faults := check(t, dir, s.keys, pack.Fingerprint); len(faults) > 0 {
		t.Errorf("faults: %q", faults)
	}
	var nodes []node
	must(t, json.Unmarshal([]byte(readFile(t, dir, "nodes.json")), &nodes))
	got := ""
	for _, n := range nodes {
		for _, d := range n.Days {
			got += fmt.Sprintln(n.Name, d.Date, d.State, d.Sum.Files, d.Sum.Lines, len(d.Sum.Gaps), d.Sum.Records)
		}
	}
	for _, want := range []string{"prod/cp1 2026-03-03 complete 1 40 0 2\n", "prod/cp1 2026-03-05 gap 1 40 1 3\n", "prod/cp2 2026-03-05 complete 1 ", "prod/cp2 2026-03-06 unknown 0 0 0 0\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	page := readFile(t, dir, "index.html")
	for _, want := range []string{"Part of this period is unknown", "1 of 10 node days have no record, so nothing is said of them", "prod/cp2: 2026-03-06", "policy: before", "policy: now", "&lt;pruned&gt;", "before the period", "prod/cp2: <b>unknown</b> at the beginning of the period", "2026-03-10 00:00:00Z", "@media print"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if again, other := s.make(2, 7, nil); other.Fingerprint != pack.Fingerprint {
		t.Errorf("the same input gives %s and %s", readFile(t, dir, sumsFile), readFile(t, again, sumsFile))
	}
}

// The verdict names the worst first, and is good only if every day is known.
func TestVerdict(t *testing.T) {
	unchanged := ordinary(t)
	for _, test := range []struct {
		name     string
		from, to int
		node     string
		change   func(*site)
		want     string
		clean    bool
	}{
		{"all known", 2, 4, "", nil, "Complete and unchanged", true},
		{"a gap", 2, 5, "", nil, "Proven, with recorded gaps", true},
		{"hours before the first line of their day", 2, 2, "", nil, "Part of this period is unknown", true},
		{"before the first record", 0, 3, "cp2", nil, "Part of this period is unknown", true},
		{"the last file is not finished", 7, 9, "", nil, "Proven in part", true},
		{"an object is gone", 2, 4, "", func(s *site) { must(t, os.RemoveAll(filepath.Join(s.dir, "data/cluster=prod/dt=2026-03-03"))) }, "Not proven: the archive had findings", false},
		{"a record is gone", 2, 4, "", func(s *site) {
			must(t, os.Remove(filepath.Join(s.dir, archive.RecordKey("prod", "cp1", 1, 7, epoch, 7))))
		}, "Not proven: the records have findings", false},
		{"a node is gone", 2, 4, "", func(s *site) { must(t, os.RemoveAll(filepath.Join(s.dir, "manifests/cluster=prod/node=cp2"))) }, "Not proven: the records have findings", false},
		{"no key", 2, 4, "", func(s *site) { s.keys = nil }, "Consistent, and not anchored by a key", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &site{t: t, dir: filepath.Join(memoryDir(t), "archive"), keys: unchanged.keys}
			must(t, os.CopyFS(s.dir, os.DirFS(unchanged.dir)))
			if test.change != nil {
				test.change(s)
			}
			dir, pack := s.make(test.from, test.to, func(o *Options) {
				if o.Verify.Node = test.node; test.from == test.to {
					o.Verify.To = o.Verify.To.Add(3 * time.Hour)
				}
			})
			if !strings.HasPrefix(pack.Verdict, test.want) || pack.Clean != test.clean {
				t.Errorf("%+v, want %q", pack, test.want)
			}
			if faults := check(t, dir, nil, pack.Fingerprint); (len(faults) == 0) != test.clean {
				t.Errorf("faults %q", faults)
			}
		})
	}
}

// A changed byte in any file of the pack is found.
func TestEveryByteCounts(t *testing.T) {
	s := small(t)
	dir, _ := s.make(0, 1, nil)
	files, err := filesOf(dir)
	must(t, err)
	for _, name := range files {
		path := filepath.Join(dir, name)
		whole := []byte(readFile(t, dir, name))
		for _, at := range []int{len(whole) / 2, len(whole) - 1} {
			flipped := bytes.Clone(whole)
			flipped[at] ^= 1
			must(t, os.WriteFile(path, flipped, 0o600))
			if faults := check(t, dir, nil, ""); !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, name) }) {
				t.Errorf("byte %d of %s: %q", at, name, faults)
			}
		}
		must(t, os.WriteFile(path, whole, 0o600))
	}
	if faults := check(t, dir, nil, ""); len(faults) > 0 {
		t.Errorf("in the end: %q", faults)
	}
}

// reseal makes SHA256SUMS fit again, as who changes a pack would.
func reseal(t *testing.T, dir string) string {
	t.Helper()
	list, err := sumsOf(dir)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, sumsFile), list, 0o600))
	return manifest.Sum(list)
}

// So is one with SHA256SUMS made again, without the fingerprint.
func TestEveryByteCountsWithNewSums(t *testing.T) {
	s := small(t)
	dir, _ := s.make(0, 1, nil)
	files, err := filesOf(dir)
	must(t, err)
	for _, name := range files {
		if name == sumsFile {
			continue
		}
		path := filepath.Join(dir, name)
		whole := []byte(readFile(t, dir, name))
		flipped := bytes.Clone(whole)
		flipped[len(whole)/2] ^= 1
		must(t, os.WriteFile(path, flipped, 0o600))
		reseal(t, dir)
		if faults := check(t, dir, s.keys, ""); len(faults) == 0 {
			t.Errorf("%s: not found", name)
		}
		must(t, os.WriteFile(path, whole, 0o600))
	}
}

// remake makes the pages of a changed pack again, and SHA256SUMS.
func remake(t *testing.T, dir string) {
	t.Helper()
	_, err := pages(t.Context(), dir, func(name string, content io.Reader) error {
		data, err := io.ReadAll(content)
		return errors.Join(err, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	})
	must(t, err)
	reseal(t, dir)
}

// A forger has this program, too: all that a pack says of the records is bound by the nodes' keys,
// and all that it says else by the fingerprint.
func TestForgedPack(t *testing.T) {
	s := ordinary(t)
	other := ordinary(t)
	made, pack := s.make(2, 7, func(o *Options) { o.Verify.Cluster = "prod" })
	for _, test := range []struct {
		name  string
		forge func(t *testing.T, dir string)
		keys  string // of the fault that the keys show; empty: only the fingerprint does
	}{
		{"a record is left out", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, archiveDir, archive.RecordKey("prod", "cp1", 1, 12, epoch, 12))))
		}, "the records have findings"},
		{"settings from before the period are changed", func(t *testing.T, dir string) {
			key := archiveDir + "/" + archive.RecordKey("prod", "cp1", 1, 2, epoch, 2)
			forged := strings.ReplaceAll(readFile(t, dir, key), "maxsize\":\"100", "maxsize\":\"200")
			must(t, os.WriteFile(filepath.Join(dir, key), []byte(forged), 0o600))
		}, "the settings in record 2 of prod/cp1"},
		{"settings from before the period are of a record that no rollup has", func(t *testing.T, dir string) {
			key := archiveDir + "/" + archive.RecordKey("prod", "cp1", 1, 2, epoch, 2)
			forged := strings.NewReplacer(`"number":2,`, `"number":4000,`, `\n2\n`, `\n4000\n`, `"100"`, `"666"`).Replace(readFile(t, dir, key))
			must(t, os.WriteFile(filepath.Join(dir, key), []byte(forged), 0o600))
		}, "is the record of another key"},
		{"a node outside of the scope is added", func(t *testing.T, dir string) {
			forged := strings.ReplaceAll(readFile(t, dir, archiveDir+"/"+archive.RecordKey("prod", "cp1", 1, 2, epoch, 2)), `"prod"`, `"other"`)
			path := filepath.Join(dir, archiveDir, archive.RecordKey("other", "cp1", 1, 2, epoch, 2))
			must(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(forged), 0o600)))
		}, "no file of a pack has this name"},
		{"an object with lines is added", func(t *testing.T, dir string) {
			path := filepath.Join(dir, archiveDir, archive.DataKey("prod", "2026-03-03", "2026-03-03T06-00-00.000", "cp1", epoch, 9))
			must(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("PAR1"), 0o600)))
		}, "no file of a pack has this name"},
		{"a record is beside archive/", func(t *testing.T, dir string) {
			must(t, os.CopyFS(filepath.Join(dir, "manifests"), os.DirFS(filepath.Join(dir, archiveDir, "manifests"))))
		}, "no file of a pack has this name"},
		{"all of it is of another history", func(t *testing.T, dir string) {
			from, _ := other.make(2, 7, nil)
			must(t, errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(from))))
		}, "not among the keys that were given"},
		{"the keys are left out", func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, "keys"))) }, "keys were given"},
		{"a file is added", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "addendum.html"), []byte("trust me"), 0o600))
		}, "addendum.html: no file of a pack"},
		{"the verification of the archive is of another one", func(t *testing.T, dir string) {
			from, _ := other.make(2, 7, nil)
			must(t, os.WriteFile(filepath.Join(dir, statementFile), []byte(readFile(t, from, statementFile)), 0o600))
		}, "did not look for the head"},
		{"the verifier is another program", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, verifierFile), []byte("#!/bin/sh\necho OK\n"), 0o700))
		}, "not the program that the statement names"},
		{"the maker's statement is changed", func(t *testing.T, dir string) {
			forged := strings.ReplaceAll(readFile(t, dir, statementFile), "2026-03-10", "2026-03-11")
			must(t, os.WriteFile(filepath.Join(dir, statementFile), []byte(forged), 0o600))
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(memoryDir(t), "pack")
			must(t, os.CopyFS(dir, os.DirFS(made)))
			test.forge(t, dir)
			remake(t, dir)
			faults := check(t, dir, s.keys, pack.Fingerprint)
			if len(faults) == 0 || !strings.Contains(faults[0], "fingerprint") {
				t.Fatalf("with the fingerprint: %q", faults)
			}
			if byKeys := strings.Join(faults[1:], "\n"); test.keys == "" && byKeys != "" || !strings.Contains(byKeys, test.keys) {
				t.Errorf("with the keys: %s", byKeys)
			}
		})
	}
}

// A copy that is not the record, which the verification only notes, gives the pages nothing.
func TestForgedCopy(t *testing.T) {
	s := ordinary(t)
	var key string
	must(t, filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".json" && strings.Contains(path, "manifests") && strings.Contains(readFile(t, "", path), "policy: now") {
			key = path
		}
		return err
	}))
	real := readFile(t, "", key)
	must(t, os.WriteFile(archive.NextCopy(key), []byte(real), 0o600))
	must(t, os.WriteFile(key, []byte(strings.Replace(real, `maxsize":"100`, `maxsize":"forged`, 1)), 0o600))
	dir, pack := s.make(2, 7, nil)
	if page := readFile(t, dir, "index.html"); !pack.Clean || strings.Contains(page, "maxsize=forged") || !strings.Contains(page, "policy: now") {
		t.Errorf("%+v, or the forged settings are on the page", pack)
	}
}

// A pack is whatever its sender made: Check reads no pipe, no link and no list without an end, and
// each name is one line.
func TestHostilePack(t *testing.T) {
	s := small(t)
	for name, change := range map[string]func(dir string) error{
		"a name of two lines": func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o600) },
		"a pipe": func(dir string) error {
			path := filepath.Join(dir, sumsFile)
			return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))
		},
		"a link": func(dir string) error {
			path := filepath.Join(dir, sumsFile)
			return errors.Join(os.Remove(path), os.Symlink("/dev/zero", path))
		},
		"a long list": func(dir string) error { return os.Truncate(filepath.Join(dir, sumsFile), 1<<40) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := s.make(0, 1, nil)
			if err := change(dir); err != nil {
				t.Skip(err) // a file system without such files
			}
			if faults := check(t, dir, nil, ""); len(faults) == 0 {
				t.Error("no fault")
			}
		})
	}
}

// Nothing that looks like a pack is left of one that could not be made, and nothing is replaced.
func TestMakeFails(t *testing.T) {
	s := ordinary(t)
	out := t.TempDir()
	opt := Options{Verifier: filepath.Join(out, "none"), Note: func(string) {}}
	if _, err := Make(t.Context(), s.bucket(), out, opt); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("over a directory: %v", err)
	}
	if _, err := Make(t.Context(), s.bucket(), filepath.Join(out, "pack"), opt); err == nil || !strings.Contains(err.Error(), "verifier") {
		t.Errorf("without a verifier: %v", err)
	}
	left, err := os.ReadDir(out)
	if must(t, err); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Check reads bytes of anyone: it answers with a fault or an error.
func FuzzCheck(f *testing.F) {
	s := small(f)
	dir, _ := s.make(0, 1, nil)
	for i, name := range []string{statementFile, sumsFile, keyFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		must(f, err)
		f.Add(i, data)
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		names := []string{statementFile, sumsFile, keyFile}
		name := names[max(0, i)%len(names)]
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, data, 0o600))
		defer func() { must(t, os.WriteFile(path, whole, 0o600)) }()
		if faults := check(t, dir, nil, ""); len(faults) == 0 && sha256.Sum256(data) != sha256.Sum256(whole) {
			t.Error(name)
		}
	})
}

// A statement outlives its program only in its own version.
func TestStatementOfAnotherVersion(t *testing.T) {
	s := ordinary(t)
	dir, _ := s.make(2, 4, nil)
	for from, to := range map[string]string{`"version": 1`: `"version": 2`, `"to": "2026-03-05T00:00:00Z",`: `"to": "9026-03-05T00:00:00Z",`, `"verifier"`: `"verified"`} {
		whole := readFile(t, dir, statementFile)
		must(t, os.WriteFile(filepath.Join(dir, statementFile), []byte(strings.Replace(whole, from, to, 1)), 0o600))
		reseal(t, dir)
		if faults := check(t, dir, nil, ""); len(faults) == 0 || !strings.Contains(faults[0], "statement.json") {
			t.Errorf("%s: %q", to, faults)
		}
		must(t, os.WriteFile(filepath.Join(dir, statementFile), []byte(whole), 0o600))
	}
	var report map[string]any
	must(t, json.Unmarshal([]byte(readFile(t, dir, "verify/records.json")), &report))
	if report["archive"] != archiveDir {
		t.Error(fmt.Sprint(report["archive"]))
	}
}
