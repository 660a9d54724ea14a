package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/config"
)

// runOnce is `run --once` over an audit directory, into an archive beside it.
func runOnce(dir string, more ...string) []string {
	return append([]string{
		"run", "--once", "--audit-log-path", filepath.Join(dir, "audit", "audit.log"), "--archive-url", "file://" + filepath.Join(dir, "archive"),
		"--cluster", "production", "--node", "cp-1", "--log-format", "json",
	}, more...)
}

// --once archives finished files, plain and compressed, and nothing of the
// open file; a second time there is nothing to do; kube-apiserver's files stay
// as they are.
func TestRunOnce(t *testing.T) {
	dir := t.TempDir()
	audit, archive := filepath.Join(dir, "audit"), filepath.Join(dir, "archive")
	packed := audittest.GzipFile(t)
	first, second := fewLines(t, 300), audittest.Gunzip(t, packed)
	put(t, filepath.Join(audit, backup), first)
	put(t, filepath.Join(audit, filepath.Base(packed)), audittest.ReadFile(t, packed))
	put(t, filepath.Join(audit, "audit.log"), []byte("open\n"))
	before := files(t, audit)

	r := ok(t, runOnce(dir)...)
	objects := files(t, archive)
	same(t, "the archive", []byte(ok(t, "restore", "file://"+archive).stdout), slices.Concat(first, second))
	if r.stdout != "" || !strings.Contains(r.stderr, `"message":"starting"`) {
		t.Errorf("standard output %q, log %s", r.stdout, r.stderr)
	}
	if after := slices.DeleteFunc(files(t, audit), func(n string) bool { return strings.HasPrefix(n, config.StateDirName) }); !slices.Equal(after, before) {
		t.Errorf("the audit directory has %q, had %q", after, before)
	}
	same(t, "the backup", audittest.ReadFile(t, filepath.Join(audit, backup)), first)

	ok(t, runOnce(dir)...)
	if again := files(t, archive); !slices.Equal(again, objects) {
		t.Errorf("a second time made %q of %q", again, objects)
	}

	restored := filepath.Join(dir, "restored")
	ok(t, "restore", "file://"+archive, "--out", restored)
	if got, want := files(t, restored), []string{backup, strings.TrimSuffix(filepath.Base(packed), ".gz")}; !slices.Equal(got, want) {
		t.Errorf("restored %q, want %q", got, want)
	}
}

// A directory that is not there is a failure of --once that names it; it is
// kube-apiserver's to make.
func TestRunOnceWithoutDirectory(t *testing.T) {
	dir := t.TempDir()
	call(t, runOnce(dir)...).refused(t, exitFailed, filepath.Join(dir, "audit"), "does not exist", "--audit-log-path")
	if got := files(t, dir); len(got) > 0 {
		t.Errorf("made %q", got)
	}
	put(t, filepath.Join(dir, "audit"), nil)
	call(t, runOnce(dir)...).refused(t, exitFailed, "is no directory", "not the file")
}

// Every mistake in the settings is named in one go, whoever finds it.
func TestRunUsage(t *testing.T) {
	file := put(t, filepath.Join(t.TempDir(), "auditsidecar.yaml"), []byte("loki_url: http://x\n"))
	for _, test := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"nothing given", []string{"--node", ""}, []string{"--audit-log-path is required", "--archive-url is required", "--cluster is required", "--node is required"}},
		{"all wrong", []string{
			"--audit-log-path", "/audit/", "--archive-url", "ftp://x/y", "--cluster", "a b", "--loki-url", "loki:3100",
			"--listen", "0.0.0.0:1", "--log-level", "loud", "--log-format", "xml",
		}, []string{"--audit-log-path: ", "ftp", "--cluster", "--loki-url", "--listen", "--log-level", "--log-format"}},
		{"S3 settings for a directory", []string{
			"--audit-log-path", "/audit/audit.log", "--archive-url", "file:///x", "--cluster", "c", "--node", "n", "--s3-region", "eu-central-1",
		}, []string{"--archive-url: ", "S3 settings"}},
		{"a file with a mistake", []string{"--config", file}, []string{file + `:1: unknown setting "loki_url"; did you mean loki-url?`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			call(t, append([]string{"run", "--once"}, test.args...)...).refused(t, exitUsage, test.wants...)
		})
	}
}

// A setting may come from the environment; an unknown variable is named
// in the log and ignored.
func TestRunEnvironment(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "audit", backup), fewLines(t, 3))
	t.Setenv(config.EnvName("cluster"), "from-environment")
	t.Setenv("AUDITSIDECAR_SERVICE_HOST", "10.0.0.1")
	args := slices.DeleteFunc(runOnce(dir), func(a string) bool { return a == "--cluster" || a == "production" })
	r := ok(t, args...)
	if n := strings.Count(r.stderr, "AUDITSIDECAR_SERVICE_HOST"); n != 1 || !strings.Contains(r.stderr, `"level":"warn"`) {
		t.Errorf("log:\n%s", r.stderr)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "archive", "data"))
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != "cluster=from-environment" {
		t.Errorf("%v", entries)
	}
}
