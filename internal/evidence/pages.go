package evidence

import (
	"bytes"
	"context"
	_ "embed" // page.html, README.txt
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed page.html
var pageHTML string

//go:embed README.txt
var readme string

// pages makes every file of the pack in dir that follows from its sources, and passes each to put.
func pages(ctx context.Context, dir string, put func(name string, content io.Reader) error) (*facts, error) {
	f, err := read(ctx, dir)
	if err != nil {
		return nil, err
	}
	f.judge()
	page, err := template.New("page").Funcs(template.FuncMap{
		"stamp": stamp,
		"comma": func(n any) string { return humanize.Comma(reflect.ValueOf(n).Int()) },
	}).Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var cover, nodes, stated, text, data bytes.Buffer
	err = errors.Join(page.Execute(&cover, f), indent(&nodes, f.Nodes), f.Report.WriteText(&stated), f.Records.WriteText(&text), indent(&data, f.Records))
	if err != nil {
		return nil, fmt.Errorf("write the pages: %w", err)
	}
	return f, errors.Join(put("index.html", &cover), put("README.txt", strings.NewReader(readme)), put("nodes.json", &nodes),
		put("verify/archive.txt", &stated), put("verify/records.txt", &text), put("verify/records.json", &data))
}

func indent(b *bytes.Buffer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	b.Write(append(text, '\n'))
	return err
}

// stamp is a time of any type that the facts have, to the second.
func stamp(at any) string {
	t, ok := at.(interface {
		IsZero() bool
		UTC() time.Time
	})
	if !ok || at == (*time.Time)(nil) || t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
