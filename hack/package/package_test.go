package main

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unit = "/usr/lib/systemd/system/auditsidecar.service"

// run returns what a program printed, and fails if it fails.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// packages builds the packages for this machine.
func packages(t *testing.T) (deb, rpm string) {
	t.Helper()
	dir := t.TempDir()
	if err := build(&options{source: "../..", out: dir, version: "v0.1.0-rc.1", arch: "amd64", epoch: 1_700_000_000}); err != nil {
		t.Fatal(err)
	}
	find := func(pattern string) string {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		return found[0]
	}
	return find("*.deb"), find("*.rpm")
}

// The deb installs into a clean Debian, whose program runs and whose unit is in order and hardened; it leaves nothing
// when it is removed. Both packages are the same bytes twice.
func TestPackages(t *testing.T) {
	deb, rpm := packages(t)
	again, rpmAgain := packages(t)
	for first, second := range map[string]string{deb: again, rpm: rpmAgain} {
		if sum(t, first) != sum(t, second) {
			t.Errorf("%s differs when it is built again", filepath.Base(first))
		}
	}
	root := filepath.Join(t.TempDir(), "debian")
	args := []string{"--variant=minbase", "--include=systemd", "bookworm", root}
	if mirror := os.Getenv("DEBIAN_MIRROR"); mirror != "" {
		args = append(args, mirror)
	}
	run(t, "debootstrap", args...)
	run(t, "cp", deb, filepath.Join(root, "package.deb"))
	run(t, "chroot", root, "dpkg", "--install", "/package.deb")
	if out := run(t, "chroot", root, "auditsidecar", "--version"); !strings.Contains(out, "v0.1.0-rc.1") {
		t.Errorf("auditsidecar --version: %s", out)
	}
	for _, file := range []string{"/usr/share/man/man1/auditsidecar.1.gz", "/usr/share/man/man1/auditsidecar-run.1.gz", "/usr/share/bash-completion/completions/auditsidecar", "/usr/share/doc/auditsidecar/copyright", unit} {
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			t.Error(err)
		}
	}
	checkUnit(t, root)
	run(t, "chroot", root, "dpkg", "--purge", "auditsidecar")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/auditsidecar")); err == nil {
		t.Error("purge leaves the binary")
	}
}

// checkUnit has systemd read the unit as it is installed.
func checkUnit(t *testing.T, root string) {
	t.Helper()
	if out := strings.TrimSpace(run(t, "systemd-analyze", "verify", "--man=no", "--root="+root, unit)); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	out := run(t, "systemd-analyze", "security", "--offline=true", "--root="+root, "--no-pager", unit)
	found := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("systemd-analyze security says no level:\n%s", out)
	}
	level, err := strconv.ParseFloat(found[1], 64)
	t.Logf("systemd-analyze security: %s", found[1])
	if err != nil || level > 2 {
		t.Errorf("exposure level %s, more than 2.0:\n%s", found[1], out)
	}
}

func sum(t *testing.T, file string) [32]byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}
