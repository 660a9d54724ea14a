// Package dirs says which directories of the source tree the checks of hack read.
package dirs

import (
	"path"
	"strings"
)

// Skipped reports whether a directory, as a path from the root of the tree, holds no text of
// the project's own: inputs of tests, dependencies, and the results that git ignores.
func Skipped(dir string) bool {
	switch dir {
	case "bin", "dist", "site", "try":
		return true
	}
	base := path.Base(dir)
	return base == "testdata" || base == "node_modules" || len(base) > 1 && strings.HasPrefix(base, ".") && base != ".ci"
}
