// Package inputs says which files the pictures of docs/pictures show, and whether these have
// changed since the pictures were made. Comments and the format of Go files do not count.
package inputs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// File has a line for each picture: its name, its hash, and that of its inputs.
const File = "docs/pictures/inputs.txt"

// maxBytes is the size that all pictures may have together.
const maxBytes = 300_000

const remedy = "run make pictures"

// Picture is a generated picture.
type picture struct {
	name   string
	inputs []string
}

// pictures are all generated ones.
func pictures() []picture {
	all := []picture{
		{"demo.svg", []string{"hack/demo/figures.go", "hack/pictures/svg.go"}},
		{"search.svg", []string{"hack/pictures/record.go", "hack/pictures/svg.go", "internal/search/print.go"}},
	}
	for _, state := range []string{"status", "s3-down"} {
		for _, look := range []string{"light", "dark", "phone"} {
			all = append(all, picture{state + "-" + look + ".png", []string{"internal/admin/format.go", "internal/admin/page.html", "internal/admin/style.css"}})
		}
	}
	return all
}

// Now are the lines of File for the tree as it is.
func Now(tree fs.FS) (string, error) {
	var lines strings.Builder
	lines.WriteString("# Written by make pictures: picture, its hash, the hash of its inputs, the inputs. make verify compares.\n")
	for _, p := range pictures() {
		made, err := fs.ReadFile(tree, path.Join(path.Dir(File), p.name))
		if err != nil {
			return "", err
		}
		hash := sha256.New()
		for _, name := range p.inputs {
			content, err := shown(tree, name)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
		}
		fmt.Fprintf(&lines, "%s %x %x %s\n", p.name, sha256.Sum256(made), hash.Sum(nil), strings.Join(p.inputs, " "))
	}
	return lines.String(), nil
}

// shown is the content of a file as far as a picture can show it.
func shown(tree fs.FS, name string) ([]byte, error) {
	content, err := fs.ReadFile(tree, name)
	if err != nil || !strings.HasSuffix(name, ".go") {
		return content, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = format.Node(&out, files, file)
	return bytes.Join(bytes.Fields(out.Bytes()), []byte(" ")), err
}

// Check returns a finding for each picture that does not show the tree as it is, and one if they
// are too large together.
func Check(tree fs.FS) (findings []string, err error) {
	kept, err := fs.ReadFile(tree, File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a tree of a test
	}
	if err != nil {
		return nil, err
	}
	now, err := Now(tree)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(kept), "\n")
	for line := range strings.Lines(now) {
		if line = strings.TrimSuffix(line, "\n"); slices.Contains(lines, line) || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		_, inputs, _ := strings.Cut(rest[65:], " ")
		findings = append(findings, fmt.Sprintf("docs/pictures/%s: the picture or one of its inputs (%s) has changed; %s", name, inputs, remedy))
	}
	entries, err := fs.ReadDir(tree, path.Dir(File))
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		total += info.Size()
	}
	if total > maxBytes {
		findings = append(findings, fmt.Sprintf("docs/pictures: %d bytes, more than %d together", total, maxBytes))
	}
	return findings, nil
}
