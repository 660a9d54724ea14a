package main

import (
	"bufio"
	"fmt"
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
	if kind == "once" {
		return writeOnce(path)
	}
	contents, err := corpus()
	if err != nil {
		return err
	}
	return writeInput(path, contents, mb*1e6)
}

// corpus returns the real audit logs that the built-in corpus goes round.
func corpus() ([][]byte, error) {
	var contents [][]byte
	for _, name := range []string{"rotated.log", "diverse.log"} {
		b, err := audittest.ReadCorpus(name)
		if err != nil {
			return nil, err
		}
		contents = append(contents, b)
	}
	b, err := audittest.ReadGzip()
	return append(contents, b), err
}

// writeOnce writes every real log of the repository, without repetition.
func writeOnce(path string) error {
	lines, err := audittest.ReadReal()
	if err != nil {
		return err
	}
	return writeAll(path, func(w *bufio.Writer) error {
		_, err := w.Write(lines)
		return err
	})
}
