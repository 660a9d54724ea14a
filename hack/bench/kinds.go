package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// makeInput writes an input of a kind. from is its size in MB, or the file to
// repeat until it has 1 GB.
func makeInput(kind, from, path string) error {
	if kind == "repeat" {
		return repeatFile(path, from, 1e9)
	}
	mb, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return fmt.Errorf("make input: %w", err)
	}
	switch kind {
	case "distinct":
		return writeDistinct(path, mb*1e6)
	case "long":
		return writeLong(path, int(mb*1e6))
	}
	contents, err := corpus()
	if err != nil {
		return err
	}
	return writeInput(path, contents, mb*1e6)
}

// corpus returns real audit logs.
func corpus() ([][]byte, error) {
	var contents [][]byte
	for _, name := range []string{"rotated.log", "diverse.log"} {
		b, err := audittest.ReadCorpus(name)
		if err != nil {
			return nil, err
		}
		contents = append(contents, b)
	}
	// One more log lies beside the corpus, compressed by kube-apiserver itself.
	b, err := readGzip(filepath.Join("internal", "audittest", "testdata", "audit-2026-11-22T17-12-15.746.log.gz"))
	if err != nil {
		return nil, err
	}
	return append(contents, b), nil
}

func readGzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read log (run this in the root of the repository): %w", err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return b, nil
}
