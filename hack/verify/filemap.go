package main

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
)

// mapped is from how many files on a package's comment lists them.
const mapped = 6

// fileMap is one package's files and the list of them below "# Files" in its comment.
type fileMap struct {
	files, listed []string
	has           bool
}

var listedFile = regexp.MustCompile(`(?:^|[\s,(])([\w*?]+\.go)\b`)

// mapFile adds a file to the map of its package.
func (c *checker) mapFile(name string, file *ast.File) {
	if strings.HasSuffix(name, "_test.go") {
		return
	}
	dir := path.Dir(name)
	m := c.maps[dir]
	if m == nil {
		m = new(fileMap)
		c.maps[dir] = m
	}
	if path.Base(name) != "doc.go" {
		m.files = append(m.files, path.Base(name))
	}
	if _, list, ok := strings.Cut(file.Doc.Text(), "# Files\n"); ok {
		m.has = true
		for _, l := range listedFile.FindAllStringSubmatch(list, -1) {
			m.listed = append(m.listed, l[1])
		}
	}
}

// fileMaps reports packages of many files without a list of them, and lists that are not
// those of the files.
func (c *checker) fileMaps() {
	for dir, m := range c.maps {
		if !m.has {
			if len(m.files) >= mapped {
				c.report("%s: %d files, and the package's comment has no list of them below \"# Files\"", dir, len(m.files))
			}
			continue
		}
		used := make(map[string]bool)
		for _, f := range m.files {
			found := false
			for _, l := range m.listed {
				if ok, err := path.Match(l, f); ok && err == nil {
					used[l], found = true, true
				}
			}
			if !found {
				c.report("%s: %s is not in the list of files of the package's comment", dir, f)
			}
		}
		for _, l := range m.listed {
			if !used[l] {
				c.report("%s: the package's comment lists %s, which is not there", dir, l)
			}
		}
	}
}
