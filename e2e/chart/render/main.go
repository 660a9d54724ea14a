// Command render prints the Kubernetes objects of the chart, as `helm template`
// does, with everything switched on.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/e2e/chart/helm"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: render CHART VALUES-FILE")
		os.Exit(2)
	}
	if err := render(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(dir, file string) error {
	values, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	texts, err := helm.Render4(dir, helm.Release{Name: "auditsidecar", Namespace: "auditsidecar"}, string(values))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if text := strings.TrimSpace(texts[name]); filepath.Ext(name) == ".yaml" && text != "" {
			fmt.Printf("---\n# Source: %s\n%s\n", name, text)
		}
	}
	return nil
}
