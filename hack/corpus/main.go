// Command corpus writes the real kube-apiserver audit logs that the tests use,
// unpacked, into a directory:
//
//	go run ./hack/corpus DIR
//
// Something to try auditsidecar with where no kube-apiserver is at hand.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./hack/corpus DIR")
		os.Exit(2)
	}
	if err := unpack(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

// unpack writes every corpus file into dir and prints the paths.
func unpack(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	for _, name := range audittest.Names() {
		content, err := audittest.ReadCorpus(name)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write corpus file: %w", err)
		}
		fmt.Println(path)
	}
	return nil
}
