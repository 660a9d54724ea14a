//go:build e2e

package run

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Files of the process are its user's alone, whatever umask it was given, and
// where the kernel has Landlock it writes to no other place, whoever bends the
// way there.
func TestConfined(t *testing.T) {
	r := newFixture(t, audittest.Config{MaxBackups: 2})
	dir := filepath.Dir(filepath.Dir(r.log))
	archive, elsewhere, temp := filepath.Join(dir, "archive"), filepath.Join(dir, "elsewhere"), filepath.Join(dir, "temp")
	for _, d := range []string{elsewhere, temp} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.env = append(r.env, "TMPDIR="+temp, "HOME="+filepath.Join(dir, "home"))
	r.serve()
	p := r.start()
	r.replay(2000, 0, 0)
	r.waitArchived(p, 1)
	checkModes(t, archive)
	checkModes(t, filepath.Join(filepath.Dir(r.log), ".auditsidecar"))
	if strings.Contains(p.Log(), "not confined") {
		t.Log("this kernel has no Landlock")
		return
	}
	if !strings.Contains(p.Log(), "confined by Landlock") {
		t.Fatal("the log does not say that the process is confined")
	}

	// A user who may write to the archive has it lead elsewhere.
	data := filepath.Join(archive, "data", "cluster=e2e")
	if err := os.Rename(data, data+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, data); err != nil {
		t.Fatal(err)
	}
	r.replay(2000, 0, 0)
	r.waitReady(p, false, "permission")
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("written elsewhere: %v, %v", entries, err)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(data+".away", data); err != nil {
		t.Fatal(err)
	}
	r.waitArchived(p, 2)
	r.waitLoki()
	r.stop(p)
	r.checkArchive()
}

// checkModes makes sure that everything below dir is its user's alone, but for
// the links to kube-apiserver's files.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Base(filepath.Dir(path)) == "held" {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 4 {
		t.Errorf("%d files and directories below %s, %v", seen, dir, err)
	}
}
