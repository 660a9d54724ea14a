//go:build e2e

package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// A mistake in how the program is called is exit code 2, names the thing, and
// comes with every other mistake at once.
func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "auditsidecar.yaml")
	if err := os.WriteFile(config, []byte("cluster: c\nloki_uri: http://x\naudit-log-pth: /a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newFixture(t, audittest.Config{})
	for _, test := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"unknown verb", []string{"serve"}, []string{"serve"}},
		{"unknown flag", []string{"run", "--audit-log-pth", "/a"}, []string{"--audit-log-pth"}},
		{"nothing given", []string{"run"}, []string{"audit-log-path", "archive-url", "cluster"}},
		{"unknown settings in the file", append([]string{"run", "--config", config}, "--archive-url", "file:///a", "--audit-log-path", "/a/audit.log"),
			[]string{"loki_uri", "audit-log-pth", config}},
		{"bad names and URLs", []string{"run", "--audit-log-path", r.log, "--archive-url", "ftp://x/y", "--cluster", "a b", "--loki-url", "loki:3100", "--listen", "0.0.0.0:1"},
			[]string{"ftp://x/y", "a b", "loki:3100", "0.0.0.0:1"}},
		{"convert without files", []string{"convert", "--out", filepath.Join(dir, "x.parquet")}, []string{"FILE"}},
		{"convert without output", []string{"convert", r.log}, []string{"--out"}},
		{"restore of nothing", []string{"restore"}, []string{"PATH"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := r.verb(test.args...)
			if v.Code != 2 {
				t.Errorf("exit %d, want 2", v.Code)
			}
			for _, want := range test.wants {
				if !bytes.Contains(v.Stderr, []byte(want)) {
					t.Errorf("standard error does not name %q: %s", want, v.Stderr)
				}
			}
		})
	}
}

// A failure of the one-shot verbs is exit code 1, names the file, and leaves
// no object behind.
func TestFailedVerbs(t *testing.T) {
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut.log.gz")
	whole := audittest.ReadFile(t, audittest.GzipFile(t))
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	notParquet := filepath.Join(dir, "not.parquet")
	if err := os.WriteFile(notParquet, []byte("PAR1 no"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.parquet")
	r := newFixture(t, audittest.Config{})
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"a missing file", []string{"convert", filepath.Join(dir, "none.log"), "--out", out, "--cluster", "c"}, "none.log"},
		{"a directory", []string{"convert", dir, "--out", out, "--cluster", "c"}, dir},
		{"a gzip file cut short", []string{"convert", cut, "--out", out, "--cluster", "c"}, "cut.log.gz"},
		{"restore of a missing object", []string{"restore", filepath.Join(dir, "none.parquet")}, "none.parquet"},
		{"restore of no Parquet", []string{"restore", notParquet}, "not.parquet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := r.verb(test.args...)
			if v.Code != 1 || !bytes.Contains(v.Stderr, []byte(test.want)) {
				t.Errorf("exit %d, want 1 and %q in: %s", v.Code, test.want, v.Stderr)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an object was left behind")
			}
		})
	}
}

// The audit directory may come later than the sidecar.
func TestMissingDirectory(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	if err := r.writer.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "late")
	r.log = filepath.Join(dir, "audit.log")
	r.serve()
	p := r.start()
	r.waitReady(p, false, dir)
	if _, err := os.Stat(dir); err == nil {
		t.Error("the sidecar made kube-apiserver's directory")
	}
	var err error
	if r.writer, err = audittest.NewWriter(audittest.Config{Path: r.log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.writer.Close() })
	r.replay(2000, linesPerSecond, 200*time.Millisecond)
	r.waitLoki()
	r.waitReady(p, true)
	r.waitArchived(p, len(r.finished()))
	r.stop(p)
	r.checkLoki()
	r.checkArchive()
}

// No credentials: the sidecar stays up, says that they are missing, holds files that
// kube-apiserver prunes, and streams to Loki as ever.
func TestI8_NoCredentials(t *testing.T) {
	r := newFixture(t, audittest.Config{MaxBackups: 1})
	archive := r.url
	r.url = "s3://audit/logs"
	r.args = []string{"--s3-endpoint", "http://127.0.0.1:1", "--s3-region", "us-east-1", "--s3-path-style"}
	r.env = []string{"HOME=" + t.TempDir()}
	r.serve()
	p := r.start()
	r.replay(4000, linesPerSecond, 200*time.Millisecond)
	r.waitReady(p, false, "credentials")
	r.waitLoki()
	r.stop(p)
	if n := strings.Count(p.Log(), `"level":"error"`) + strings.Count(p.Log(), `"level":"warn"`); n > 10 {
		t.Errorf("%d warnings and errors are logged for one condition", n)
	}
	// With an archive that works the same state directory loses nothing.
	r.url, r.args = archive, nil
	r.once()
	r.checkLoki()
	r.checkArchive()
}

// A sidecar that runs as another user beside a log that is root's: a clear error that
// names the path, and nothing of kube-apiserver's touched.
func TestI7_UnreadableFiles(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	for _, test := range []struct {
		name  string
		owner int // of the audit directory
		want  string
	}{
		{"a directory of root's", 0, "audit"},
		{"a log of root's in a directory of its own", nobody, ".log"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newFixture(t, audittest.Config{})
			r.replay(10, 0, 0)
			if err := os.Chown(filepath.Dir(r.log), test.owner, test.owner); err != nil {
				t.Fatal(err)
			}
			before := r.listing()
			r.args = []string{"--loki-url", ""}
			v := r.verbAs(nobody, append([]string{"run", "--once", "--listen", "127.0.0.1:0"}, r.runArgs()...)...)
			if v.Code != 1 {
				t.Errorf("exit %d, want 1", v.Code)
			}
			for _, want := range []string{filepath.Dir(r.log), test.want, "permi"} {
				if !bytes.Contains(v.Stderr, []byte(want)) {
					t.Errorf("standard error does not say %q: %s", want, v.Stderr)
				}
			}
			t.Logf("standard error: %s", v.Stderr)
			if after := r.listing(); after != before {
				t.Errorf("the directory was\n%sand is\n%s", before, after)
			}
		})
	}
}

// Files that kube-apiserver may leave after accidents are archived as they are.
func TestI3_OddFiles(t *testing.T) {
	r := newFixture(t, audittest.Config{MaxSizeMB: 200})
	for _, raw := range [][]byte{
		nil, // an empty file
		[]byte("not JSON at all\n{\"kind\":\"Event\"\n\n\r\n\x00\x00\x00\n"),
		[]byte("no newline at the end"),
		audittest.Corpus(t, "torn-line.log"),
		audittest.Corpus(t, "nul-hole.log"),
		audittest.Corpus(t, "enospc.log"),
		audittest.Corpus(t, "diverse.log"),
	} {
		if len(raw) > 0 {
			if err := r.writer.WriteRaw(raw); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.writer.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	r.args = []string{"--loki-url", ""} // the last flag counts: nothing is streamed
	v := r.verb(append([]string{"run", "--once", "--listen", "127.0.0.1:0"}, r.runArgs()...)...)
	if v.Code != 0 {
		t.Fatalf("exit %d: %s", v.Code, v.Stderr)
	}
	r.args = nil
	r.checkArchive()
}
