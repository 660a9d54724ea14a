// Command verify makes the checks that the linter cannot: that files stay short, that
// every test named after an invariant names one that docs/INVARIANTS.md has, that
// every package has its row in the linter's import rules, that the comment of a
// package of many files lists them, that no package has a name that says nothing,
// and that links between files lead somewhere: anchors, the
// index of the documentation and the alerts' runbooks included; that the
// tests which docs/security.md and docs/threat-model.md name exist; that changelog, README and
// manifests name the same version; and that docs/pictures shows the page and the texts as they are. It prints one line for each finding and exits
// 1 if there is any. Run it from the root of the repository: `make verify`.
//
// # Files
//
//	main.go      the order of the checks
//	check.go     imports, functions, files
//	budget.go    the size of the product
//	filemap.go   the lists of files in package docs
//	claims.go    tests that documents name
//	links.go     links within documents, and their line lengths
//	readme.go    the figures of README
//	release.go   CHANGELOG against README
//	words.go     words that STYLE forbids
package main

import (
	"fmt"
	"os"
)

func main() {
	findings, size, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	fmt.Println(size)
	if len(findings) > 0 {
		os.Exit(1)
	}
}

func run() ([]string, string, error) {
	onNode, err := linked(nodeRoot)
	if err != nil {
		return nil, "", err
	}
	all, err := linked("cmd/auditsidecar")
	if err != nil {
		return nil, "", err
	}
	findings, size, err := check(os.DirFS("."), onNode)
	if len(all) > maxPackages {
		findings = append(findings, fmt.Sprintf("the binary has %d packages, more than %d: each is code that must be trusted", len(all), maxPackages))
	}
	return findings, fmt.Sprintf("%s; packages in the binary: %d of %d", size, len(all), maxPackages), err
}
