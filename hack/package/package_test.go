package main

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
func packages(t *testing.T, version string) (deb, rpm string) {
	t.Helper()
	dir := t.TempDir()
	if err := build(&options{source: "../..", out: dir, version: version, arch: "amd64", epoch: 1_700_000_000}); err != nil {
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

// deb and rpm install into a clean Debian, whose program runs and whose unit is in order and hardened; an upgrade and a
// rollback keep the settings, and nothing but these is left after the removal. Both packages are the same bytes twice.
func TestPackages(t *testing.T) {
	deb, rpm := packages(t, "v0.1.0-rc.1")
	again, rpmAgain := packages(t, "v0.1.0-rc.1")
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
	checkVersion(t, root, "v0.1.0-rc.1")
	for _, file := range []string{"/usr/share/man/man1/auditsidecar.1.gz", "/usr/share/man/man1/auditsidecar-run.1.gz", "/usr/share/bash-completion/completions/auditsidecar", "/usr/share/doc/auditsidecar/copyright", unit} {
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			t.Error(err)
		}
	}
	checkUnit(t, root)
	settings := filepath.Join(root, "etc/kubernetes/auditsidecar/config.yaml")
	if err := os.WriteFile(settings, []byte("cluster: production\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// An upgrade and a rollback change the program and keep the settings.
	next, rpmNext := packages(t, "v0.1.0")
	for _, to := range []struct{ file, version string }{{next, "v0.1.0"}, {deb, "v0.1.0-rc.1"}} {
		run(t, "cp", to.file, filepath.Join(root, "package.deb"))
		run(t, "chroot", root, "dpkg", "--install", "/package.deb")
		checkVersion(t, root, to.version)
	}
	for _, step := range []string{"--remove", "--purge"} {
		run(t, "chroot", root, "dpkg", step, "auditsidecar")
		if left := installed(t, root); left != "" {
			t.Errorf("dpkg %s leaves %s", step, left)
		}
		if text, err := os.ReadFile(settings); err != nil || string(text) != "cluster: production\n" {
			t.Errorf("dpkg %s: the settings: %q, %v", step, text, err)
		}
	}
	checkRPM(t, root, rpm, rpmNext, settings)
}

// checkVersion has the installed program say its version.
func checkVersion(t *testing.T, root, version string) {
	t.Helper()
	if out := run(t, "chroot", root, "auditsidecar", "--version"); !slices.Contains(strings.Fields(out), version) {
		t.Errorf("auditsidecar --version: %s, want %s", out, version)
	}
}

// installed lists files of the package below a root, but for the directory of the settings, which are the user's.
func installed(t *testing.T, root string) string {
	t.Helper()
	return strings.TrimSpace(run(t, "find", root, "-xdev", "-name", "*auditsidecar*", "-not", "-path", root+"/etc/kubernetes*", "-not", "-path", root+"/var/lib/dpkg/*", "-not", "-path", root+"/var/lib/rpm/*", "-not", "-path", root+"/proc/*"))
}

// checkRPM has rpm install the package into the root, upgrade it, roll it back and erase it: the settings stay, and
// nothing else is left.
func checkRPM(t *testing.T, root, file, next, settings string) {
	t.Helper()
	for _, to := range []struct{ file, version string }{{file, "v0.1.0-rc.1"}, {next, "v0.1.0"}, {file, "v0.1.0-rc.1"}} {
		run(t, "rpm", "--root", root, "--nodeps", "--oldpackage", "--upgrade", to.file)
		checkVersion(t, root, to.version)
		if out := run(t, "rpm", "--root", root, "--verify", "--nodeps", "auditsidecar"); out != "" {
			t.Errorf("rpm --verify of %s: %s", to.version, out)
		}
	}
	checkUnit(t, root)
	if scripts := run(t, "rpm", "--root", root, "--query", "--scripts", "auditsidecar"); !strings.Contains(scripts, "systemctl try-restart") || !strings.Contains(scripts, "systemctl disable --now") {
		t.Errorf("scripts of the rpm: %s", scripts)
	}
	run(t, "rpm", "--root", root, "--nodeps", "--erase", "auditsidecar")
	if left := installed(t, root); left != "" {
		t.Errorf("rpm --erase leaves %s", left)
	}
	if text, err := os.ReadFile(settings); err != nil || string(text) != "cluster: production\n" {
		t.Errorf("rpm --erase: the settings: %q, %v", text, err)
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
