package main

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/auditsidecar/auditsidecar/hack/dirs"
	"github.com/auditsidecar/auditsidecar/hack/wrap"
)

// published is where the files of this tree are in the web, for texts that are read
// away from it, such as an alert.
const published = "https://github.com/auditsidecar/auditsidecar/blob/main/"

var (
	markdownLink = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	webLink      = regexp.MustCompile(regexp.QuoteMeta(published) + `[^\s'"` + "`" + `<>()]+`)
	heading      = regexp.MustCompile(`(?m)^#{1,6} +(.*?)[ #]*$`)
	fence        = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inlineLink   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	alertLine    = regexp.MustCompile(`^\s*- alert: (\w+)`)
	scheme       = regexp.MustCompile(`^[a-z]+:`)
)

// links checks that every link from one file of the tree to another leads
// somewhere, its anchor included; that every page of docs/ is in the index
// docs/README.md; and that every alert of Prometheus has its section in
// docs/operations.md.
func (c *checker) links(tree fs.FS) error {
	anchors := make(map[string]map[string]bool)
	indexed := make(map[string]bool)
	return errors.Join(fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && dirs.Skipped(name):
			return fs.SkipDir
		case e.IsDir() || path.Ext(name) != ".md" && path.Ext(name) != ".yaml":
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for _, target := range targets(name, string(content)) {
			file, anchor, _ := strings.Cut(target, "#")
			if name == "docs/README.md" {
				indexed[file] = true
			}
			c.link(tree, anchors, name, file, anchor)
		}
		if path.Ext(name) == ".md" {
			for _, line := range wrap.Long(string(content)) {
				c.report("%s:%d: a paragraph with lines of more than %d characters: run `make reference`", name, line, wrap.Width)
			}
		}
		if strings.HasPrefix(name, "manifests/prometheus/") && strings.HasSuffix(name, ".rules.yaml") {
			c.runbooks(name, string(content))
		}
		return nil
	}), c.index(tree, indexed))
}

// targets lists the files, with anchors, that a file links to, as paths in the
// tree.
func targets(name, content string) (all []string) {
	for _, url := range webLink.FindAllString(content, -1) {
		all = append(all, strings.TrimRight(strings.TrimPrefix(url, published), ".,"))
	}
	if path.Ext(name) != ".md" {
		return all
	}
	for _, m := range markdownLink.FindAllStringSubmatch(fence.ReplaceAllString(content, ""), -1) {
		switch target := m[1]; {
		case scheme.MatchString(target):
		case strings.HasPrefix(target, "#"):
			all = append(all, name+target)
		default:
			all = append(all, path.Join(path.Dir(name), target))
		}
	}
	return all
}

func (c *checker) link(tree fs.FS, anchors map[string]map[string]bool, from, file, anchor string) {
	if _, err := fs.Stat(tree, file); err != nil {
		c.report("%s: a link to %s leads nowhere", from, file)
		return
	}
	if anchor == "" || path.Ext(file) != ".md" {
		return
	}
	if anchors[file] == nil {
		content, _ := fs.ReadFile(tree, file) // it is there
		anchors[file] = anchorsOf(string(content))
	}
	if !anchors[file][anchor] {
		c.report("%s: a link to %s#%s: there is no such heading", from, file, anchor)
	}
}

// anchorsOf are the anchors that GitHub gives to the headings of a page.
func anchorsOf(content string) map[string]bool {
	all := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(content, ""), -1) {
		all[slug(inlineLink.ReplaceAllString(m[1], "$1"))] = true
	}
	return all
}

func slug(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

func (c *checker) index(tree fs.FS, indexed map[string]bool) error {
	pages, err := fs.Glob(tree, "docs/*.md")
	for _, page := range pages {
		if page != "docs/README.md" && !indexed[page] {
			c.report("%s: docs/README.md does not link to it", page)
		}
	}
	return err
}

// runbooks reports alerts without a link to their own section.
func (c *checker) runbooks(name, content string) {
	alert, found := "", true
	end := func() {
		if !found {
			c.report("%s: the alert %s has no runbook_url %sdocs/operations.md#%s", name, alert, published, slug(alert))
		}
	}
	for line := range strings.Lines(content) {
		if m := alertLine.FindStringSubmatch(line); m != nil {
			end()
			alert, found = m[1], false
		}
		url := published + "docs/operations.md#" + slug(alert)
		found = found || strings.Contains(line, "runbook_url:") && strings.Trim(strings.TrimSpace(line[strings.Index(line, ":")+1:]), `'"`) == url
	}
	end()
}
