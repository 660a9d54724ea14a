package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// keyFile writes a file for a test.
func keyFile(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(text), mode))
	return path
}

func TestReadTrustedKeys(t *testing.T) {
	one, two := testKey(1).Vkey, testKey(2).Vkey
	keys, err := ReadTrustedKeys(keyFile(t, "k", "# cp-1\n"+one+"\nuntil 400\n\n"+two+"\nfrom 401\nuntil 500\n", 0o644))
	must(t, err)
	if len(keys) != 2 || keys[0] != (manifest.TrustedKey{Vkey: one, Until: 400}) || keys[1] != (manifest.TrustedKey{Vkey: two, From: 401, Until: 500}) {
		t.Errorf("read %+v", keys)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"a.vkey": one + "\n", "b.vkey": two, "c.pub": "x", "d.vkey.bak": "x"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	if keys, err := ReadTrustedKeys(dir); err != nil || len(keys) != 2 || keys[0].Vkey != one || keys[1].Vkey != two {
		t.Errorf("read %+v, %v", keys, err)
	}
	for what, text := range map[string]string{
		"empty": "", "only bounds": "from 1\n", "a private key": testKey(1).Text(), "PEM": "-----BEGIN PUBLIC KEY-----\n",
		"a bound of nothing": one + "\nfrom\n", "another bound": one + "\nuntil yesterday\n", "number 0": one + "\nfrom 0\n", "other words": one + "\nsince 4\n",
		"a damaged key": one[:len(one)-4], "twice in a line": one + " " + two,
	} {
		if keys, err := ReadTrustedKeys(keyFile(t, "k", text, 0o644)); err == nil {
			t.Errorf("%s: %+v", what, keys)
		} else if what == "a private key" && (!strings.Contains(err.Error(), "stays on its node") || strings.Contains(err.Error(), text[50:80])) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := ReadTrustedKeys(t.TempDir()); err == nil {
		t.Error("a directory without keys")
	}
}

func FuzzParseTrustedKeys(f *testing.F) {
	f.Add("auditsidecar/c/n+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nfrom 1\nuntil 9\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseTrustedKeys(text)
		if err == nil && len(keys) == 0 {
			t.Fatal("no keys and no error")
		}
		for _, k := range keys {
			if _, err := note.NewVerifier(k.Vkey); err != nil || k.From < 0 || k.Until < 0 {
				t.Fatalf("%+v", k)
			}
		}
	})
}

// A node whose records are all gone is found by its key; one that was not asked for is not.
func TestNodeWithoutRecords(t *testing.T) {
	s := newSite(t, epochA)
	s.sign(1, 0)
	s.file(s.log(3))
	keys := trusted(testKey(1), keyOf("cp2", 1, 0), keyOf("cp2", 2, 1))
	for _, test := range []struct {
		opt  Options
		want string
	}{
		{Options{Keys: keys}, string(KindNodeMissing)},
		{Options{Keys: keys, Cluster: "prod"}, string(KindNodeMissing)},
		{Options{Keys: keys, Node: "cp1"}, ""},
		{Options{Keys: keys, Cluster: "other"}, string(KindTailMissing)},
		{Options{Keys: trusted(testKey(1))}, ""},
	} {
		r := s.verify(test.opt)
		if got := kinds(r); got != test.want {
			t.Errorf("cluster %q, node %q: %q, want %q", test.opt.Cluster, test.opt.Node, got, test.want)
		}
	}
}
