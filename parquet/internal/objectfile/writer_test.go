package objectfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// The same rows, Config and Limits give the same bytes, and Written says which.
func TestTheSameRowsGiveTheSameBytes(t *testing.T) {
	lines := repeated(t, 900, `"name":"p"`, `"name":"p-%d"`)
	for name, lim := range map[string]objectfile.Limits{"default": objectfile.DefaultLimits(), "tiny": objecttest.TinyLimits()} {
		var first objectfile.Written
		for range 2 {
			path, done := write(t, lines, lim)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			if done.Size != int64(len(content)) || done.SHA256 != hex.EncodeToString(sum[:]) || done.Rows != 900 {
				t.Errorf("%s: written %+v; the file has %d bytes, %x", name, done, len(content), sum)
			}
			if first.Rows > 0 && done != first {
				t.Errorf("%s: %+v and %+v", name, done, first)
			}
			first = done
		}
	}
}

// One codec serves objects one after another: nothing of one is in the next.
func TestACodecServesManyObjects(t *testing.T) {
	codec, err := objectfile.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]bool{}
	for i := range 3 {
		w, err := objectfile.New(config(filepath.Join(t.TempDir(), "x.parquet")), objecttest.TinyLimits(), codec)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range repeated(t, 300) {
			if i == 1 { // others in between
				line = bytes.ReplaceAll(line, []byte("alice"), fmt.Appendf(nil, "user-%d", n))
			}
			if err := add(w, int64(n)+1, line); err != nil {
				t.Fatal(err)
			}
		}
		done, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		sums[done.SHA256] = true
	}
	if len(sums) != 2 {
		t.Errorf("%d different objects, want 2", len(sums))
	}
}

// A value longer than is buffered is a page of its own, in a column of any kind;
// those before and after it come back in order.
func TestLongValuesAreInOrder(t *testing.T) {
	lim := objectfile.DefaultLimits()
	lim.Long = 100
	long := string(bytes.Repeat([]byte("L"), 150))
	for name, c := range map[string]struct {
		column auditline.Field
		old    string
		new    string // %s is the value
	}{
		"a dictionary":       {auditline.Verb, `"verb":"get"`, `"verb":"%s"`},
		"with a filter":      {auditline.ObjectName, `"name":"p"`, `"name":"%s"`},
		"of plain values":    {auditline.ResponseMessage, `"message":"no \"such\""`, `"message":"%s"`},
		"of lengths":         {auditline.AuditID, `"auditID":"`, `"auditID":"%s`},
		"of a streamed body": {auditline.ResponseObject, `"responseObject":"x"`, `"responseObject":"%s"`},
	} {
		t.Run(name, func(t *testing.T) {
			var lines [][]byte
			values := []string{"a", long + "1", "b", "c", long + "2", long + "3", "d"}
			for _, v := range values {
				lines = append(lines, fullLine(t, c.old, fmt.Sprintf(c.new, v)))
			}
			f := open(t, lines, lim)
			chunk := f.RowGroups()[0].ColumnChunks()[c.column]
			row, pages := 0, map[int]int{}
			objecttest.EachValue(t, chunk, func(page int, v pq.Value) {
				if pages[page]++; !bytes.Contains(v.ByteArray(), []byte(values[row])) {
					t.Errorf("row %d is %.20q", row, v.ByteArray())
				}
				if long := len(v.ByteArray()) > 100; long && pages[page] > 1 {
					t.Errorf("row %d is not alone in page %d", row, page)
				}
				row++
			})
			if row != len(values) || len(pages) < 5 {
				t.Errorf("%d rows in %d pages", row, len(pages))
			}
			if n := dataPages(column(f, 0, c.column))[format.RLEDictionary]; n > 1 {
				t.Errorf("%d pages with a dictionary, want only the one before the first long value", n)
			}
			checkChunk(t, name, schema.Columns()[c.column], chunk)
		})
	}
}

// After an error, and after Abort, nothing of an object is left.
func TestNothingIsLeftOfAnUnfinishedObject(t *testing.T) {
	lim := objecttest.TinyLimits()
	lim.Long = 10
	for name, do := range map[string]func(w *objectfile.Writer) error{
		"no rows": func(*objectfile.Writer) error { return nil },
		"rows":    func(w *objectfile.Writer) error { return add(w, 1, fullLine(t)) },
		"row groups": func(w *objectfile.Writer) error {
			for i, line := range repeated(t, 500) {
				if err := add(w, int64(i), line); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		dir := t.TempDir()
		w := begin(t, dir, lim)
		if err := do(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Abort(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left are %v (%v)", name, left, err)
		}
	}
}

func TestErrorsOfTheFileSystem(t *testing.T) {
	codec, err := objectfile.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg := config(filepath.Join(dir, "missing", "x.parquet"))
	if _, err := objectfile.New(cfg, objectfile.DefaultLimits(), codec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is missing: %v", err)
	}
	// Without a work directory a long value is an error, and the object goes.
	cfg = config(filepath.Join(dir, "x.parquet"))
	cfg.Work = filepath.Join(dir, "missing")
	lim := objectfile.DefaultLimits()
	lim.Long = 10
	w, err := objectfile.New(cfg, lim, codec)
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); err == nil && n < 1000; n++ {
		err = add(w, n, fullLine(t))
	}
	if err == nil {
		t.Error("long values are taken without a work directory")
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v (%v)", left, err)
	}
}
