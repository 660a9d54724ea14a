package rotate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

func TestParseBackup(t *testing.T) {
	at := time.Date(2026, 11, 22, 17, 12, 15, 746e6, time.UTC)
	log := Log{Base: "audit", Ext: ".log"}
	for _, c := range []struct {
		log  Log
		name string
		want Backup
		ok   bool
	}{
		{log, "audit-2026-11-22T17-12-15.746.log", Backup{"audit-2026-11-22T17-12-15.746.log", at, false}, true},
		{log, "audit-2026-11-22T17-12-15.746.log.gz", Backup{"audit-2026-11-22T17-12-15.746.log", at, true}, true},
		{Log{Base: "audit"}, "audit-2026-11-22T17-12-15.746", Backup{"audit-2026-11-22T17-12-15.746", at, false}, true},
		{Log{Base: "audit"}, "audit-2026-11-22T17-12-15.746.gz", Backup{"audit-2026-11-22T17-12-15.746", at, true}, true},
		{Log{Ext: ".audit"}, "-2026-11-22T17-12-15.746.audit", Backup{"-2026-11-22T17-12-15.746.audit", at, false}, true},
		{Log{Base: "a", Ext: ".gz"}, "a-2026-11-22T17-12-15.746.gz", Backup{"a-2026-11-22T17-12-15.746.gz", at, false}, true},
		{Log{Base: "a", Ext: ".gz"}, "a-2026-11-22T17-12-15.746.gz.gz", Backup{"a-2026-11-22T17-12-15.746.gz", at, true}, true},

		{log: log, name: ""},
		{log: log, name: "audit.log"},
		{log: log, name: "audit.log.gz"},
		{log: log, name: "audit-.log"},
		{log: log, name: "audit-2026-11-22T17-12-15.746.json"},
		{log: log, name: "audit-2026-11-22T17-12-15.746.log.gz.gz"},
		{log: log, name: "audit-2026-11-22T17-12-15.746.log.zst"},
		{log: log, name: "audit-2026-11-22T17-12-15.746.log.GZ"},
		{log: log, name: "audit-2026-11-22T17-12-15,746.log"},
		{log: log, name: "audit-2026-11-22T17-12-15.74.log"},
		{log: log, name: "audit-2026-11-22T17-12-15.7460.log"},
		{log: log, name: "audit-2026-11-22T17:12:15.746.log"},
		{log: log, name: "audit-2026-02-30T17-12-15.746.log"},
		{log: log, name: "audit-2026-11-22T24-00-00.000.log"},
		{log: log, name: "audit-2026-11-22T17-12-15.746 .log"},
		{log: log, name: "kube-audit-2026-11-22T17-12-15.746.log"},
		{log: log, name: "Audit-2026-11-22T17-12-15.746.log"},
		{log: log, name: "audit--2026-11-22T17-12-15.746.log"},
		{log: log, name: "dir/audit-2026-11-22T17-12-15.746.log"},
	} {
		got, ok := c.log.ParseBackup(c.name)
		if ok != c.ok || got != c.want {
			t.Errorf("%+v: ParseBackup(%q) = %+v, %v; want %+v, %v", c.log, c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestBackupNameIsUTC(t *testing.T) {
	log := Log{Base: "audit", Ext: ".log"}
	at := time.Date(2026, 1, 1, 0, 30, 0, 1999999, time.FixedZone("", 3600))
	if got, want := log.BackupName(at), "audit-2025-12-31T23-30-00.001.log"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// lumberjack's own output is the reference.
func TestParseBackupReadsWhatLumberjackWrites(t *testing.T) {
	for _, path := range []string{"audit.log", "audit", "kube-apiserver.audit.json", "a-2026-11-22T17-12-15.746.log", ".log"} {
		log, err := ParsePath(t.TempDir() + "/" + path)
		must(t, err)
		w := &lumberjack.Logger{Filename: log.Path()}
		before := time.Now().Truncate(time.Millisecond)
		_, err = w.Write([]byte("line\n"))
		must(t, err)
		must(t, w.Rotate())
		must(t, w.Close())
		entries, err := os.ReadDir(log.Dir)
		must(t, err)
		backups := 0
		for _, e := range entries {
			b, ok := log.ParseBackup(e.Name())
			if !ok {
				continue
			}
			backups++
			if b.Rotated.Before(before) || b.Rotated.After(time.Now()) {
				t.Errorf("%s: rotated at %v, not in the last moment", e.Name(), b.Rotated)
			}
		}
		if backups != 1 || len(entries) != 2 {
			t.Errorf("%s: %d backups in %v, want 1 and the open file", path, backups, entries)
		}
	}
}

func FuzzParseBackup(f *testing.F) {
	f.Add("audit", ".log", "audit-2026-11-22T17-12-15.746.log.gz", int64(1795367535746))
	f.Add("", "", "-0000-01-01T00-00-00.000", int64(0))
	f.Add("a", ".gz", "a-2026-11-22T17-12-15.746.gz", int64(-1))
	f.Add("audit", ".log", "audit-2026-11-22T17-12-15,746.log", int64(1))
	f.Fuzz(func(t *testing.T, base, ext, name string, ms int64) {
		log := Log{Base: base, Ext: ext}
		if b, ok := log.ParseBackup(name); ok {
			want := b.Name
			if b.Gzip {
				want += ".gz"
			}
			if name != want || log.BackupName(b.Rotated) != b.Name {
				t.Errorf("%q is read as %+v, whose name is %q", name, b, log.BackupName(b.Rotated))
			}
		}
		at := time.UnixMilli(ms).UTC()
		if y := at.Year(); y < 0 || y > 9999 {
			return
		}
		own := log.BackupName(at)
		b, ok := log.ParseBackup(own)
		if !ok || !b.Rotated.Equal(at) || b.Name != own || b.Gzip {
			t.Errorf("ParseBackup(%q) = %+v, %v", own, b, ok)
		}
		if b, ok := log.ParseBackup(own + ".gz"); !ok || !b.Rotated.Equal(at) || !b.Gzip || b.Name != own {
			t.Errorf("ParseBackup(%q) = %+v, %v", own+".gz", b, ok)
		}
	})
}

func TestUnknown(t *testing.T) {
	dir := t.TempDir()
	const backup = "audit-2026-11-22T17-00-27.978.log"
	known := []string{"audit.log", backup, "audit-2026-11-22T17-00-28.000.log.gz"}
	others := []string{"other.log", "other-2026-11-22T17-00-27.978.log", "audit-policy.yaml", ".auditsidecar", "audi", "audit"}
	unknown := []string{
		backup + ".1", backup + ".bak", backup + ".zst", backup + "~", "audit.log.1", "audit.log.1.gz", "audit.log.gz", "audit.log-20261130", "audit.log.swp",
		"audit-20261130.log", "audit.1.log", "audit-2026-11-22T17-00-27.978", "audit-2026-11-22T17-00-27.978.json",
	}
	for _, name := range slices.Concat(known, others, unknown) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link, directory := "audit-2026-11-22T17-00-29.000.log", "audit-2026-11-22T17-00-30.000.log"
	if err := errors.Join(os.Symlink("audit.log", filepath.Join(dir, link)), os.Mkdir(filepath.Join(dir, directory), 0o700)); err != nil {
		t.Fatal(err)
	}
	unknown = append(unknown, link, directory)
	slices.Sort(unknown)
	log := Log{Dir: dir, Base: "audit", Ext: ".log"}
	if got, err := log.Unknown(); err != nil || !slices.Equal(got, unknown) {
		t.Errorf("got  %q, %v\nwant %q", got, err, unknown)
	}
	log.Dir = filepath.Join(dir, "none")
	if got, err := log.Unknown(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %q, %v", got, err)
	}
}
