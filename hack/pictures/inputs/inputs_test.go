package inputs

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"
)

// tree has all pictures and inputs.
func tree(t *testing.T) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	for _, p := range pictures() {
		all["docs/pictures/"+p.name] = &fstest.MapFile{Data: []byte(p.name)}
		for _, name := range p.inputs {
			content := "text of " + name
			if strings.HasSuffix(name, ".go") {
				content = "package p\n\n// A comment.\nfunc f() string { return \"text\" }\n"
			}
			all[name] = &fstest.MapFile{Data: []byte(content)}
		}
	}
	now, err := Now(all)
	if err != nil {
		t.Fatal(err)
	}
	all[File] = &fstest.MapFile{Data: []byte(now)}
	return all
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		file, content string
		findings      int
		want          string
	}{
		"as they were made":    {},
		"another comment":      {"internal/search/print.go", "package p\n\n// Another.\nfunc f() string {\n\treturn \"text\"\n}\n", 0, ""},
		"another printed text": {"internal/search/print.go", "package p\n\nfunc f() string { return \"word\" }\n", 1, "search.svg: the picture or one of its inputs"},
		"another style":        {"internal/admin/style.css", "b {}", 6, "make pictures"},
		"another picture":      {"docs/pictures/demo.svg", "<svg/>", 1, "demo.svg"},
		"a large picture":      {"docs/pictures/other.png", strings.Repeat("x", maxBytes), 1, "more than"},
	} {
		all := maps.Clone(tree(t))
		if test.file != "" {
			all[test.file] = &fstest.MapFile{Data: []byte(test.content)}
		}
		findings, err := Check(all)
		if err != nil || len(findings) != test.findings || !strings.Contains(strings.Join(findings, "\n"), test.want) {
			t.Errorf("%s: %q, %v; want %d with %q", name, findings, err, test.findings, test.want)
		}
	}
}
