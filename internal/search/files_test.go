package search

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if strings.HasSuffix(path, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text)) // into memory
		audittest.Must(t, z.Close())
		text = b.String()
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	audittest.Must(t, err)
	_, err = f.WriteString(text)
	audittest.Must(t, err)
	audittest.Must(t, f.Close())
	return path
}

// Log files of a directory are searched in the order of rotation, packed or not; other files
// and the sidecar's state are left alone.
func TestPath(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "audit-2026-11-22T13-00-00.000.log"), catalogtest.Line("b", "22"))
	write(t, filepath.Join(dir, "audit-2026-11-22T12-00-00.000.log.gz"), catalogtest.Line("a", "22"))
	write(t, filepath.Join(dir, "audit.log"), catalogtest.Line("c", "22"))
	write(t, filepath.Join(dir, "other.txt"), catalogtest.Line("d", "22"))
	audittest.Must(t, os.Mkdir(filepath.Join(dir, ".auditsidecar"), 0o700))
	write(t, filepath.Join(dir, ".auditsidecar", "held.log"), catalogtest.Line("e", "22"))
	for path, want := range map[string]string{
		dir:                             "abc",
		filepath.Join(dir, "audit.log"): "c",
		filepath.Join(dir, "audit-2026-11-22T12-00-00.000.log.gz"): "a",
		filepath.Join(dir, "other.txt"):                            "d",
	} {
		var out bytes.Buffer
		audittest.Must(t, Path(t.Context(), path, Config{Form: Exact}, &out))
		got := ""
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, `"auditID":"`)
			got += rest[:1]
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if err := Path(t.Context(), t.TempDir(), Config{}, nil); err == nil || !strings.Contains(err.Error(), "neither an archive") {
		t.Errorf("an empty directory: %v", err)
	}
	if err := Path(t.Context(), filepath.Join(dir, "none"), Config{}, nil); err == nil {
		t.Error("no file is no error")
	}
	cut := filepath.Join(dir, "cut.log.gz")
	audittest.Must(t, os.WriteFile(cut, []byte{0x1f, 0x8b, 8, 0}, 0o600))
	if err := Path(t.Context(), cut, Config{Form: Exact}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), cut) {
		t.Errorf("a damaged file: %v", err)
	}
}

// lockedLines passes on whole lines.
type lockedLines chan string

func (l lockedLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// Lines written after the start are printed, also behind a rotation; with a time those that were
// written before as well.
func TestFollow(t *testing.T) {
	for name, times := range map[string]timerange.Range{"from now on": {}, "since a time": {From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			open := write(t, filepath.Join(dir, "audit.log"), catalogtest.Line("old", "22"))
			ctx, cancel := context.WithCancel(t.Context())
			out, done := make(lockedLines, 100), make(chan error)
			go func() {
				done <- Follow(ctx, dir, Config{Selection: Selection{Times: times}, Form: Exact, Note: func(string) {}}, out)
			}()
			want := func(id string) {
				t.Helper()
				line := <-out
				for strings.Contains(line, `"auditID":"probe"`) {
					line = <-out
				}
				if !strings.Contains(line, `"auditID":"`+id+`"`) {
					t.Errorf("%s, want %s", line, id)
				}
			}
			if !times.From.IsZero() {
				want("old")
			} else {
				write(t, open, catalogtest.Line("unseen", "22")) // maybe before the first end of file
				for i := 0; ; i++ {                              // until it reads the new line
					write(t, open, catalogtest.Line("probe", "22"))
					select {
					case <-out:
					case <-time.After(pollEvery / 10):
						continue
					}
					break
				}
			}
			write(t, open, catalogtest.Line("new", "22"))
			want("new")
			backup := filepath.Join(dir, "audit-"+time.Now().UTC().Add(time.Minute).Format("2006-01-02T15-04-05.000")+".log")
			write(t, open, catalogtest.Line("last", "22"))
			audittest.Must(t, os.Rename(open, backup))
			write(t, open, catalogtest.Line("next", "22"))
			want("last")
			want("next")
			cancel()
			audittest.Must(t, <-done)
		})
	}
}
