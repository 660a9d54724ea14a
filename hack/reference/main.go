// Command reference writes docs/configuration.md and docs/metrics.md from the
// program itself, the table of imports in docs/ARCHITECTURE.md from the linter's
// rules, and the rules, queries and pages of the detections from
// manifests/detections, and breaks the long lines of all pages, or checks that they are current; with -man it writes the
// manual pages.
//
//	go run ./hack/reference [-check]
//	go run ./hack/reference -man dist/man -version v1.2.3
//
// # Files
//
//	main.go           the flags, and which files are compared or written
//	configuration.go  the flags of the verbs
//	metrics.go        the metrics
//	architecture.go   the table of imports
//	detections.go     rules, queries, needs of policy lint
//	page.go           the page of the detections
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra/doc"

	"github.com/auditsidecar/auditsidecar/hack/dirs"
	"github.com/auditsidecar/auditsidecar/hack/wrap"
	"github.com/auditsidecar/auditsidecar/internal/cli"
)

func main() {
	check := flag.Bool("check", false, "change nothing, fail if a page is not current")
	man := flag.String("man", "", "write the manual pages into this `directory`, and nothing else")
	version := flag.String("version", "", "version that the manual pages show")
	flag.Parse()
	var err error
	if *man != "" {
		err = manual(*man, *version)
	} else {
		err = pages(*check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func pages(check bool) error {
	flags, err := configuration(cli.NewRoot(""))
	if err != nil {
		return err
	}
	scraped, err := metrics()
	if err != nil {
		return err
	}
	structure, err := architecture()
	if err != nil {
		return err
	}
	files, err := detections()
	if err != nil {
		return err
	}
	files["docs/configuration.md"], files["docs/metrics.md"], files["docs/ARCHITECTURE.md"] = flags, scraped, structure
	for path, want := range files {
		if strings.HasSuffix(path, ".md") {
			want = wrap.Markdown(want)
		}
		if !check {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				return err
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if string(got) != want {
			return fmt.Errorf("%s is not current: run `make reference`", path)
		}
	}
	if check {
		return nil // make verify names long lines
	}
	return wrapAll()
}

// wrapAll breaks the long lines of the pages that people write.
func wrapAll() error {
	return filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && dirs.Skipped(name):
			return fs.SkipDir
		case e.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		content, err := os.ReadFile(name)
		if wrapped := wrap.Markdown(string(content)); err == nil && wrapped != string(content) {
			err = os.WriteFile(name, []byte(wrapped), 0o644)
		}
		return err
	})
}

// manual writes one page for each verb. SOURCE_DATE_EPOCH dates them.
func manual(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.NewRoot(version)
	root.InitDefaultCompletionCmd()
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "auditsidecar " + version, Manual: "auditsidecar"}, dir)
}
