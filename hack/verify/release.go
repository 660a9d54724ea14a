package main

import (
	"bytes"
	"errors"
	"io/fs"
	"regexp"
	"slices"
)

var (
	released    = regexp.MustCompile(`(?m)^## \[v?([0-9][^\]]*)\]`)
	nextVersion = regexp.MustCompile(`The next version is (v[0-9a-z.-]*[0-9])\.`)
	imageTag    = regexp.MustCompile(`auditsidecar/auditsidecar:(v[^\s"]+)|make image VERSION=(v[^\s` + "`" + `]+)`)
)

// releases checks that CHANGELOG.md, README.md, the manifests and the installation agree on
// the released version and the next one.
func (c *checker) releases(tree fs.FS) error {
	changes, err := fs.ReadFile(tree, "CHANGELOG.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	version := nextVersion.FindSubmatch(changes)
	last := released.FindSubmatch(changes)
	switch {
	case version == nil && last == nil:
		c.report("CHANGELOG.md: it has neither a release nor \"The next version is vX.\"")
		return nil
	case version == nil:
		version = [][]byte{nil, append([]byte("v"), last[1]...)}
	}
	readme, err := fs.ReadFile(tree, "README.md")
	if err != nil {
		return err
	}
	if none := bytes.Contains(readme, []byte("Nothing is released yet")); none != (last == nil) {
		c.report("README.md: it says \"Nothing is released yet\": %t; CHANGELOG.md has a release: %t", none, last != nil)
	}
	for _, pattern := range []string{"docs/install.md", "manifests/*/*.yaml", "manifests/*/*/*.yaml"} {
		names, err := fs.Glob(tree, pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := fs.ReadFile(tree, name)
			if err != nil {
				return err
			}
			for _, m := range imageTag.FindAllSubmatch(text, -1) {
				if tag := slices.Concat(m[1], m[2]); !bytes.Equal(tag, version[1]) {
					c.report("%s: the image has the version %s, CHANGELOG.md %s", name, tag, version[1])
				}
			}
		}
	}
	return nil
}
