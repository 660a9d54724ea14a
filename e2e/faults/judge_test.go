//go:build e2e

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// settle finishes the last file, waits until both sinks have everything, ends
// the sidecar and runs it once more: it must then do nothing.
func (s *stage) settle() {
	s.t.Helper()
	s.rotateLast()
	if len(s.sc.gaps) == 0 {
		s.awaitLoki()
		s.eventually("every finished file is archived", func() bool { return s.archivedFiles() >= len(s.finished()) })
	}
	s.awaitIdle()
	fds, goroutines := s.limits.idle(s.t.Context(), s.p)
	if fds > maxIdleFDs || goroutines > maxIdleGoroutines {
		s.row.problem("%d descriptors and %d goroutines when idle, at most %d and %d allowed", fds, goroutines, maxIdleFDs, maxIdleGoroutines)
	}
	s.stop()
	s.limits.done.Wait()
	v := s.verb(s.config("run", "--once", "--listen", "127.0.0.1:0"))
	if v.Code != 0 {
		s.t.Errorf("run --once: exit %d: %s", v.Code, v.Stderr)
	}
	s.judgeLeftovers()
}

// judgeLeftovers looks at the state directory when everything is delivered: it
// holds the open file and nothing else that takes room on the disk.
func (s *stage) judgeLeftovers() {
	s.t.Helper()
	for _, dir := range []struct {
		name string
		most int
	}{{"held", 1}, {"work", 0}, {"sealed", 0}} {
		entries, err := os.ReadDir(s.state(dir.name))
		s.must(ignoreMissing(err))
		if len(entries) > dir.most {
			s.row.problem("%d files are left in %s, at most %d allowed", len(entries), dir.name, dir.most)
		}
	}
}

// rotateLast finishes the open file unless nothing is in it.
func (s *stage) rotateLast() {
	s.t.Helper()
	files := s.account()
	if files[len(files)-1].Bytes > 0 {
		s.must(s.rotate())
	}
}

// awaitLoki waits until Loki has as many entries as there are lines.
func (s *stage) awaitLoki() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), catchUp)
	defer cancel()
	lines := s.lines()
	if err := s.loki.WaitDistinct(ctx, lines); err != nil {
		s.row.problem("Loki is not complete: %d of %d entries after %v", s.loki.Distinct(), lines, catchUp)
	}
}

// awaitIdle waits until nothing is pending and nothing has arrived for a while.
func (s *stage) awaitIdle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), catchUp)
	defer cancel()
	const pending = "auditsidecar_archive_pending_files"
	before, since := -1, time.Now()
	if _, err := s.p.WaitMetrics(ctx, func(m map[string]float64) bool {
		if now := s.loki.Count() + s.archivedFiles(); now != before {
			before, since = now, time.Now()
		}
		return m[pending] == 0 && time.Since(since) > 2*time.Second
	}, pending); err != nil {
		s.t.Fatal(err)
	}
}

// stop ends the sidecar as kubelet does.
func (s *stage) stop() {
	s.t.Helper()
	if code, err := s.p.Terminate(stopLimit); err != nil || code != 0 {
		s.row.problem("SIGTERM: exit code %d, %v", code, err)
		s.t.Errorf("SIGTERM: exit code %d, %v", code, err)
	}
}

func (s *stage) verb(cfg sidecar.Config) sidecar.Result {
	s.t.Helper()
	return sidecar.Call(s.t, catchUp, cfg)
}

// finished are the files of the account without a writer.
func (s *stage) finished() []audittest.File {
	return slices.DeleteFunc(slices.Clone(s.account()), func(f audittest.File) bool { return !f.Finished })
}

// lines is how many complete lines were written.
func (s *stage) lines() (n int) {
	s.t.Helper()
	for _, f := range s.account() {
		content, err := os.ReadFile(f.Path)
		s.must(err)
		n += bytes.Count(content, []byte("\n"))
	}
	return n + len(s.gone)
}

// dataKey finds the epoch and the number of the file that a data object is of.
var dataKey = regexp.MustCompile(`-([0-9]{8}T[0-9]{6}[0-9a-f]{6}-[0-9]{8,})(?:\.r[0-9]+)?\.parquet$`)

// archivedFiles is the number of files of which the archive has an object.
func (s *stage) archivedFiles() int {
	files := map[string]bool{}
	for name := range s.dataObjects() {
		files[dataKey.FindStringSubmatch(name)[1]] = true
	}
	return len(files)
}

// dataObjects are the names of the archive's data objects.
func (s *stage) dataObjects() map[string]bool {
	names := map[string]bool{}
	_ = filepath.WalkDir(filepath.Join(s.stored, "data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // not there yet, or just renamed: the caller asks again
		}
		if dataKey.MatchString(e.Name()) && !e.IsDir() {
			names[e.Name()] = true
		}
		return nil
	})
	return names
}

// gap is a gap as a manifest record has it.
type gap struct {
	Reason string `json:"reason"`
	Bytes  int64  `json:"bytes"`
	File   string `json:"file"`
}

// recordedGaps reads the gaps of all records in the archive.
func (s *stage) recordedGaps() (gaps []gap) {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.stored, "manifests"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".json") {
			return ignoreMissing(err)
		}
		if _, err := os.Stat(archive.NextCopy(path)); err == nil {
			return nil // the store damaged it
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var record struct {
			Gaps []gap `json:"gaps"`
		}
		if err := json.Unmarshal(bytes.TrimSpace(content), &record); err != nil {
			return err
		}
		gaps = append(gaps, record.Gaps...)
		return nil
	})
	if err != nil {
		s.t.Fatalf("read the manifests: %v", err)
	}
	return gaps
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
