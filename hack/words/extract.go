package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/auditsidecar/auditsidecar/hack/dirs"
)

var (
	// sentence is a literal that people read: three words in a row.
	sentence = regexp.MustCompile(`[A-Za-z]+[,:;]? [a-z%]+[,:;]? [a-z%]`)
	// directive is a comment for a tool.
	directive = regexp.MustCompile(`^//(go:|nolint|line |export )|^// \+build`)
	// statement is a literal of SQL.
	statement = regexp.MustCompile(`(?m)\b(SELECT|FROM|WHERE|CREATE|ALTER)\b`)
	yamlText  = regexp.MustCompile(`^\s*(?:summary|description|purpose|ordinary|steps|#)`)
)

// extract writes the prose of a tree below dir and returns how many lines it has.
func extract(tree fs.FS, dir string) (lines int, err error) {
	return lines, fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && dirs.Skipped(name):
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		kind := path.Ext(name)
		if kind != ".go" && kind != ".md" && kind != ".yaml" {
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		switch kind {
		case ".md":
			lines += nonBlank(content)
			return write(dir, name, content)
		case ".yaml":
			return write(dir, name+".txt", alerts(content))
		}
		comments, texts, err := prose(name, content)
		if err != nil {
			return err
		}
		lines += nonBlank(comments)
		if err := write(dir, name+".comments.txt", comments); err != nil {
			return err
		}
		return write(dir, name+".texts.txt", texts)
	})
}

// prose returns the comments and the texts of a Go file, each on the line where it stands.
func prose(name string, content []byte) (comments, texts []byte, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, content, parser.ParseComments)
	if err != nil {
		return nil, nil, err
	}
	said := newPage(bytes.Count(content, []byte("\n")) + 1)
	for _, group := range file.Comments {
		for _, c := range group.List {
			if !directive.MatchString(c.Text) {
				said.put(files.Position(c.Pos()).Line, strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(c.Text, "//"), "/*"), "*/"))
			}
		}
	}
	shown := newPage(bytes.Count(content, []byte("\n")) + 1)
	if strings.HasSuffix(name, "_test.go") {
		return said.bytes(), nil, nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			return false
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if n.Kind == token.STRING && err == nil && sentence.MatchString(text) && !statement.MatchString(text) {
				shown.put(files.Position(n.Pos()).Line, text)
			}
		}
		return true
	})
	return said.bytes(), shown.bytes(), nil
}

// alerts returns the texts and comments of a YAML file, each on its line.
func alerts(content []byte) []byte {
	all := newPage(bytes.Count(content, []byte("\n")) + 1)
	line := 0
	for text := range bytes.Lines(content) {
		line++
		if yamlText.Match(text) {
			all.put(line, string(bytes.TrimSpace(text)))
		}
	}
	return all.bytes()
}

// A page has texts on lines of their own.
type page [][]byte

func newPage(lines int) page { return make(page, lines) }

// put adds a text, the first line of which stands on a line of the source.
func (p page) put(line int, text string) {
	for part := range strings.SplitSeq(text, "\n") {
		if line > len(p) {
			line = len(p)
		}
		at := &p[line-1]
		*at = append(*at, strings.TrimPrefix(part, " ")...)
		*at = append(*at, ' ')
		line++
	}
}

func (p page) bytes() []byte {
	for i, line := range p {
		p[i] = bytes.TrimSpace(line)
	}
	return append(bytes.Join(p, []byte("\n")), '\n')
}

func nonBlank(content []byte) (n int) {
	for line := range bytes.Lines(content) {
		if len(bytes.TrimSpace(line)) > 0 {
			n++
		}
	}
	return n
}

// write writes a page with text in it below dir.
func write(dir, name string, content []byte) error {
	if nonBlank(content) == 0 {
		return nil
	}
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}
