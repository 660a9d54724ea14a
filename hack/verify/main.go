// Command verify makes the checks that the linter cannot: that files stay short, that
// every test named after an invariant names one that docs/INVARIANTS.md has, that
// every package has its row in the linter's import rules, that no package has a
// name that says nothing, and that links between files lead somewhere: anchors, the
// index of the documentation and the alerts' runbooks included; that the
// tests which docs/security.md and docs/threat-model.md name exist; and that changelog, README and
// manifests name the same version. It prints one line for each finding and exits
// 1 if there is any. Run it from the root of the repository: `make verify`.
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
