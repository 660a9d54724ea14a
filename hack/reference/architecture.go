package main

import (
	"errors"
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const module = "github.com/auditsidecar/auditsidecar/"

// lintRules is the part of .golangci.yml that says which package may import
// which.
type lintRules struct {
	Linters struct {
		Settings struct {
			Depguard struct {
				Rules map[string]struct {
					Files []string
					Allow []string
					Deny  []struct{ Pkg string }
				}
			}
		}
	}
}

// architecture returns docs/ARCHITECTURE.md with the table of imports between
// its markers made from the linter's file and the packages' first sentences.
func architecture() (string, error) {
	const file, begin, end = "docs/ARCHITECTURE.md", "<!-- imports -->\n", "<!-- /imports -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("%s: no markers %q and %q", file, begin, end)
	}
	table, err := importTable(".golangci.yml")
	return before + begin + table + end + after, err
}

func importTable(config string) (string, error) {
	data, err := os.ReadFile(config)
	if err != nil {
		return "", err
	}
	var rules lintRules
	if err := yaml.Unmarshal(data, &rules); err != nil {
		return "", fmt.Errorf("%s: %w", config, err)
	}
	rows := map[string]string{}
	all := rules.Linters.Settings.Depguard.Rules
	for _, name := range slices.Sorted(maps.Keys(all)) {
		rule := all[name]
		var denied []string
		for _, d := range rule.Deny {
			denied = append(denied, d.Pkg)
		}
		var may string
		switch ours := names(denied); {
		case slices.Contains(denied, strings.TrimSuffix(module, "/")):
			may = names(rule.Allow)
		case ours != none:
			may = "any but " + ours
		default:
			continue // about libraries
		}
		for _, pattern := range rule.Files {
			dir, isDir := strings.CutPrefix(path.Dir(pattern), "**/")
			if !isDir || strings.Contains(strings.Join(rule.Files, " "), "/**/") { // of files, or of all packages
				continue
			}
			synopsis, err := synopsisOf(dir)
			if err != nil {
				return "", fmt.Errorf("%s: rule %s: %w", config, name, err)
			}
			rows[dir] = fmt.Sprintf("| [`%s`](../%s) | %s | %s |\n", dir, dir, synopsis, may)
		}
	}
	var b strings.Builder
	b.WriteString("| package | purpose | may import |\n|---|---|---|\n")
	for _, dir := range slices.Sorted(maps.Keys(rows)) {
		b.WriteString(rows[dir])
	}
	return b.String(), nil
}

// none stands for no package.
const none = "–"

// names lists packages without the module and the end of their patterns.
func names(patterns []string) string {
	var all []string
	for _, pkg := range patterns {
		if name, ok := strings.CutPrefix(pkg, module); ok {
			all = append(all, strings.TrimPrefix(strings.TrimSuffix(name, "$"), "internal/"))
		}
	}
	if len(all) == 0 {
		return none
	}
	return strings.Join(all, ", ")
}

// synopsisOf returns the first sentence of a package's documentation, without
// its first two words.
func synopsisOf(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		if f.Doc != nil {
			text := new(doc.Package).Synopsis(f.Doc.Text())
			return strings.TrimSuffix(strings.TrimPrefix(text, "Package "+f.Name.Name+" "), "."), nil
		}
	}
	return "", errors.New(dir + " has no package documentation")
}
