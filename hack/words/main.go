// Command words checks the words of the project by Vale: Markdown, the comments of
// Go files, and the texts of the program (help, errors, log messages, metrics,
// alerts). Comments and texts are written to files of the same line numbers below a
// temporary directory, so that Vale's positions are those of the source.
//
// Errors of hack/vale/styles/Plain must not occur. Its warnings are counted and
// bounded for 1,000 lines. The subjects of new commits must have the form
// "package: imperative verb and object". Run it by `make words`.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// maxWarnings is how many warnings 1,000 lines may have.
const maxWarnings = 2.0

func main() {
	vale := flag.String("vale", ".cache/bin/vale", "the `file` of Vale's binary")
	all := flag.Bool("warnings", false, "print the warnings")
	flag.Parse()
	findings, summary, err := run(*vale, *all, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	fmt.Println(summary)
	if len(findings) > 0 && !*all {
		os.Exit(1)
	}
}

// run checks the tree in the working directory. It returns the findings, one line each.
// With all these are the warnings, too, of the paths that start with one of only.
func run(vale string, all bool, only []string) (findings []string, summary string, err error) {
	dir, err := os.MkdirTemp("", "auditsidecar-words-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	lines, err := extract(os.DirFS("."), dir)
	if err != nil {
		return nil, "", fmt.Errorf("extract the texts: %w", err)
	}
	alerts, err := lint(vale, dir)
	if err != nil {
		return nil, "", err
	}
	warnings := 0
	for _, a := range alerts {
		if a.Severity == "error" {
			findings = append(findings, a.String())
			continue
		}
		warnings++
		if all && chosen(a.path, only) {
			findings = append(findings, a.String())
		}
	}
	rate := 1000 * float64(warnings) / float64(max(lines, 1))
	if rate > maxWarnings {
		findings = append(findings, fmt.Sprintf("%d warnings on %d lines are %.1f for 1,000 lines, more than %.1f: go run ./hack/words -warnings prints them", warnings, lines, rate, maxWarnings))
	}
	subjects, err := checkCommits()
	if err != nil {
		return nil, "", err
	}
	return append(findings, subjects...), fmt.Sprintf("words: %d lines of prose, %d warnings (%.1f for 1,000 lines, at most %.1f)", lines, warnings, rate, maxWarnings), nil
}

func chosen(path string, only []string) bool {
	for _, prefix := range only {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return len(only) == 0
}
