package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// compare restores the archive both ways and counts the identical lines.
func (s stage) compare(ctx context.Context, f *figures, writer *audittest.Writer, loki *lokitest.Receiver) error {
	var err error
	if f.objects, f.parquet, err = objects(s.archive()); err != nil {
		return err
	}
	want, err := accounted(writer)
	if err != nil {
		return err
	}
	f.entries, f.distinct = int64(loki.Count()), int64(loki.Distinct())
	entries := loki.Lines()
	due, redacted, err := s.redacted(want)
	if err != nil {
		return err
	}
	f.redacted = redacted
	f.identical = identical(due, entries) - redacted
	f.long, f.shrunk = long(due), shrunk(entries)
	stream, err := s.restore(ctx)
	if err != nil {
		return err
	}
	f.streamEqual = bytes.Equal(stream.Stdout, want)
	restored := filepath.Join(s.dir, "restored")
	if _, err := s.restore(ctx, "--out", restored); err != nil {
		return err
	}
	f.filesEqual, err = sameFiles(writer, restored)
	return err
}

// restore runs the verb over the whole archive.
func (s stage) restore(ctx context.Context, more ...string) (sidecar.Result, error) {
	r, err := sidecar.Verb(ctx, sidecar.Config{Binary: s.binary, Args: append([]string{"restore", s.archive()}, more...)})
	if err != nil {
		return r, err
	}
	if r.Code != 0 {
		return r, fmt.Errorf("auditsidecar restore ended with code %d: %s", r.Code, r.Stderr)
	}
	return r, nil
}

// accounted is everything that was written, in order.
func accounted(writer *audittest.Writer) ([]byte, error) {
	var all []byte
	for _, f := range writer.Files() {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, fmt.Errorf("read the account: %w", err)
		}
		all = append(all, content...)
	}
	return all, nil
}

// redacted is Loki's form of the written lines, and in how many lines of
// it values of Secrets and the like were replaced, with the node's own key.
func (s stage) redacted(written []byte) (due []byte, changed int64, err error) {
	key, err := redact.ReadKey(filepath.Join(s.dir, "audit", ".auditsidecar", "redact.key"))
	if err != nil {
		return nil, 0, err
	}
	policy, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		return nil, 0, err
	}
	r := redact.New(policy, key)
	for line := range audittest.Lines(written) {
		line, replaced := r.Line(nil, line)
		if replaced {
			changed++
		}
		due = append(append(due, line...), '\n')
	}
	return due, changed, nil
}

// identical counts the written lines that are among the entries, each entry
// taken once.
func identical(written []byte, entries []string) (n int64) {
	have := make(map[string]int)
	for _, e := range entries {
		have[e]++
	}
	for line := range audittest.Lines(written) {
		if have[string(line)] > 0 {
			have[string(line)]--
			n++
		}
	}
	return n
}

// long counts the lines that Loki does not take as they are.
func long(written []byte) (n int64) {
	for line := range audittest.Lines(written) {
		if len(line) > lokitest.DefaultMaxLine {
			n++
		}
	}
	return n
}

// shrunk counts the entries in which a marker stands for a part of the line.
func shrunk(entries []string) (n int64) {
	for _, e := range entries {
		if strings.Contains(e, `{"auditsidecar":{"shrunk":`) {
			n++
		}
	}
	return n
}

// objects counts the Parquet objects below dir and their bytes.
func objects(dir string) (n int, size int64, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		n++
		size += info.Size()
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("look through the archive: %w", err)
	}
	return n, size, nil
}

// sameFiles says whether dir holds every finished file of the account, under
// its name and byte for byte, and no other file.
func sameFiles(writer *audittest.Writer, dir string) (bool, error) {
	restored := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		restored[e.Name()], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look through the restored files: %w", err)
	}
	finished := 0
	for _, f := range writer.Files() {
		if !f.Finished {
			continue
		}
		finished++
		want, err := os.ReadFile(f.Path)
		if err != nil {
			return false, fmt.Errorf("read the account: %w", err)
		}
		if got, ok := restored[f.Name]; !ok || !bytes.Equal(got, want) {
			return false, nil
		}
	}
	return len(restored) == finished, nil
}
