package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// maxImage bounds the image of one platform, compressed; the
// multi-platform archive may have it, too.
const maxImage = 25 << 20

// maxBinary bounds the stripped binary, in bytes; docs/BENCHMARKS.md
// lists its parts.
const maxBinary = 36_000_000

// The whole way for one platform, from two source directories: the same bytes,
// small enough, and a binary that runs with nothing but the image around it.
func TestBuildTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds the binary twice")
	}
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	copySource(t, source, moved)
	first := buildFrom(t, source)
	second := buildFrom(t, moved)
	files, err := os.ReadDir(first.Out)
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files, %v; want 6", len(files), err)
	}
	for _, f := range files {
		content := read(t, first, f.Name())
		if !bytes.Equal(content, read(t, second, f.Name())) {
			t.Errorf("%s differs when built from another directory", f.Name())
		}
		if len(content) > maxImage {
			t.Errorf("%s has %d bytes, want at most %d", f.Name(), len(content), maxImage)
		}
		if bytes.Contains(content, []byte(source)) {
			t.Errorf("%s has the path of the source directory in it", f.Name())
		}
	}
	checkRelease(t, first, runtime.GOARCH)
	checkBill(t, read(t, first, "auditsidecar-linux-"+runtime.GOARCH+".cdx.json"))
	runInside(t, filepath.Join(first.Out, "auditsidecar-linux-"+runtime.GOARCH+".tar"))
}

func buildFrom(t *testing.T, source string) *options {
	t.Helper()
	o := &options{Source: source, Out: t.TempDir(), Name: "auditsidecar", Version: "v0.0.0-test", Epoch: 1_700_000_000, Arches: []string{runtime.GOARCH}, Release: true, Revision: "abc", Man: t.TempDir()}
	if err := os.WriteFile(filepath.Join(o.Man, "auditsidecar.1"), []byte(".TH\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// copySource copies the sources of the binary: every directory of the
// tree but those that have a module of their own or nothing to build.
func copySource(t *testing.T, source, target string) {
	t.Helper()
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		from, to := filepath.Join(source, e.Name()), filepath.Join(target, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || slices.Contains([]string{"bin", "dist", "docs", "e2e", "hack"}, e.Name()):
			continue
		case e.IsDir():
			err = os.CopyFS(to, os.DirFS(from))
		default:
			var content []byte
			if content, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, content, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func checkBill(t *testing.T, content []byte) {
	t.Helper()
	var bom struct {
		BOMFormat, SpecVersion string
		Components             []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, c := range bom.Components {
		if c.Name == "std" || c.Name == "github.com/parquet-go/parquet-go" && strings.HasPrefix(c.Purl, "pkg:golang/github.com/parquet-go/parquet-go@v") {
			found++
		}
	}
	if bom.BOMFormat != "CycloneDX" || bom.SpecVersion != "1.6" || found != 2 {
		t.Errorf("%s %s with %d components, among them %d of the 2 that must be there", bom.BOMFormat, bom.SpecVersion, len(bom.Components), found)
	}
}

// runInside runs the entrypoint in the image's own file system (root only).
func runInside(t *testing.T, archive string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("not root: the image is not run")
		return
	}
	outer, root := t.TempDir(), t.TempDir()
	unpack(t, archive, outer)
	layers, err := filepath.Glob(filepath.Join(outer, "*.tar.gz"))
	if err != nil || len(layers) != 1 {
		t.Fatalf("layers %q, %v", layers, err)
	}
	if out, err := exec.Command("tar", "-xzf", layers[0], "-C", root).CombinedOutput(); err != nil {
		t.Fatalf("unpack the layer: %v: %s", err, out)
	}
	if info, err := os.Stat(filepath.Join(root, "usr/local/bin/auditsidecar")); err != nil || info.Size() > maxBinary {
		t.Errorf("the binary: %+v, %v; want at most %d bytes", info, err, maxBinary)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/local/bin/auditsidecar", "version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	cmd.Dir, cmd.Env = "/", []string{}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "v0.0.0-test") {
		t.Errorf("version in the image: %v: %s", err, out)
	}
}
