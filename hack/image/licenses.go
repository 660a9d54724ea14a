package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// noticesName is the file with the licenses of everything in the binary.
const noticesName = "THIRD_PARTY_NOTICES.txt"

// allowed are the licenses that the binary may contain: those that ask for
// their text to be kept, and for nothing else. "BSD-3-Clause OR GPL-2.0" is
// found as both.
func allowed(id string) bool {
	switch id {
	case "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Zlib", "CC0-1.0", "Unlicense":
		return true
	}
	return false
}

// minCovered is how much of a license file must be the text of a license, in
// per cent: the rest is names, years and files that it is said to be about.
const minCovered = 60

// licenseFile are the names of files that have a license or a notice.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([._-].*)?$`)

// module is a module of which something is in a binary.
type module struct{ path, version, dir string }

// writeNotices makes sure that every module in a binary has a license that is
// allowed, and writes all of them to a file.
func writeNotices(ctx context.Context, o *options, file string) error {
	modules, err := linked(ctx, o)
	if err != nil {
		return err
	}
	var also []string
	if o.Command != "" {
		// Its terms are about the files under it alone, which stand unchanged in the module named here.
		also = append(also, "MPL-2.0")
	}
	var out bytes.Buffer
	out.WriteString("auditsidecar contains the following software, under these licenses.\n")
	var refused []error
	for _, m := range modules {
		texts, err := licensesOf(m, also...)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		fmt.Fprintf(&out, "\n%s\n%s %s\n", strings.Repeat("=", 80), m.path, m.version)
		for _, t := range texts {
			fmt.Fprintf(&out, "%s\n\n%s\n", strings.Repeat("-", 80), bytes.TrimSpace(t))
		}
	}
	if err := errors.Join(refused...); err != nil {
		return err
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the notices: %w", err)
	}
	return nil
}

// linked are the modules with a package in any binary, by path, and Go itself.
func linked(ctx context.Context, o *options) ([]module, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find the root of Go: %w", err)
	}
	seen := map[module]bool{{"Go", runtime.Version(), strings.TrimSpace(string(root))}: true}
	for _, t := range append([]target{{"linux", "amd64"}, {"linux", "arm64"}}, o.Targets...) {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", ".")
		cmd.Dir = filepath.Join(o.Source, cmp.Or(o.Command, "cmd/auditsidecar"))
		cmd.Env = append(environ("GOOS", "GOARCH", "CGO_ENABLED", "GOFLAGS"), "GOOS="+t.OS, "GOARCH="+t.Arch, "CGO_ENABLED=0")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		list, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list the modules for %s: %w\n%s", t, err, stderr.Bytes())
		}
		for line := range strings.Lines(string(list)) {
			if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
				seen[module{f[0], f[1], f[2]}] = true
			}
		}
	}
	var modules []module
	for m := range seen {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return modules, nil
}

// licensesOf returns the texts of a module's license and notice files. At least
// one must be a license, and every license that is found must be allowed, or be one of also.
func licensesOf(m module, also ...string) ([][]byte, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("look for the license of %s: %w", m.path, err)
	}
	var texts [][]byte
	licensed := false
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenseFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the license of %s: %w", m.path, err)
		}
		texts = append(texts, text)
		covered := licensecheck.Scan(text)
		for _, match := range covered.Match {
			if match.IsURL || match.ID == "GoogleGoPatents" || strings.HasPrefix(match.ID, "GooglePatent") {
				continue
			}
			if !allowed(match.ID) && !dual(m, match.ID) && !slices.Contains(also, match.ID) {
				return nil, fmt.Errorf("%s %s: %s is under %s, which is not allowed", m.path, m.version, e.Name(), match.ID)
			}
			licensed = licensed || covered.Percent >= minCovered
		}
	}
	if !licensed {
		return nil, fmt.Errorf("%s %s: no license that is known", m.path, m.version)
	}
	return texts, nil
}

// dual says that a module may be used under an allowed license instead.
func dual(m module, id string) bool {
	// "either ... the GNU General Public License ... or" BSD-3-Clause.
	return m.path == "kernel.org/pub/linux/libs/security/libcap/psx" && strings.HasPrefix(id, "GPL-2.0")
}
