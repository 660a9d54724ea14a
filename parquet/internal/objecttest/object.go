// Package objecttest writes objects for the tests of those who write and read
// them.
package objecttest

import (
	"os"
	"path/filepath"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// TinyLimits make every boundary happen in a small object.
func TinyLimits() objectfile.Limits {
	return objectfile.Limits{RowGroup: 200 << 10, Buffered: 60 << 10, Page: 2 << 10, Dictionary: 2 << 10, Long: 1 << 10}
}

// Write returns an object whose rows are lines.
func Write(tb testing.TB, lines [][]byte, lim objectfile.Limits) []byte {
	tb.Helper()
	codec, err := objectfile.NewCodec()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "x.parquet")
	w, err := objectfile.New(objectfile.Config{Path: path, Work: tb.TempDir(), Pairs: [][2]string{{schema.VersionKey, schema.Version}}}, lim, codec)
	if err != nil {
		tb.Fatal(err)
	}
	var d auditline.Decoder
	var e auditline.Event
	for i, line := range lines {
		e.Release()
		r := objectfile.Row{Event: &e, Status: schema.StatusOK, Line: int64(i) + 1, Size: len(line)}
		if what, _ := d.Line(line, &e); what != auditline.Canonical {
			r.Raw = line
		}
		if err := w.Add(&r); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	object, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return object
}

// EachValue calls f for every value of a chunk that the library opened, with the number of its
// page.
func EachValue(tb testing.TB, chunk pq.ColumnChunk, f func(page int, v pq.Value)) {
	tb.Helper()
	pages := chunk.Pages()
	defer pages.Close()
	for n := 0; ; n++ {
		page, err := pages.ReadPage()
		if err != nil {
			return
		}
		batch := make([]pq.Value, page.NumValues())
		k, _ := page.Values().ReadValues(batch)
		for _, v := range batch[:k] {
			f(n, v)
		}
		pq.Release(page)
	}
}
