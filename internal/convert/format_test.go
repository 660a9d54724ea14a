package convert

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// converted converts content under a name, or from standard input, and returns the restored bytes.
func converted(t *testing.T, name string, content []byte) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	c := Config{Out: filepath.Join(dir, "out", "o.parquet"), Stdin: bytes.NewReader(content)}
	arg := name
	if name != Stdin {
		arg = filepath.Join(dir, name)
		if err := os.WriteFile(arg, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := Make(t.Context(), c, arg)
	if err == nil {
		_, err = made.Install()
	}
	if err != nil {
		if entries, _ := os.ReadDir(filepath.Dir(c.Out)); len(entries) > 0 {
			t.Errorf("%s is left of a file that is refused", entries[0].Name())
		}
		return nil, err
	}
	object, err := os.ReadFile(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = parquet.Restore(t.Context(), []parquet.Input{{Name: "o", ReaderAt: bytes.NewReader(object), Size: int64(len(object))}}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), nil
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// gzip is unpacked under any name, and from standard input; a log is a log under any but .gz.
func TestCompressionIsKnownByContent(t *testing.T) {
	log := []byte(audittest.FullLine)
	fromField, err := os.ReadFile("testdata/09-gzip-named.log")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"audit.log.gz": gzipped(t, log), "audit.log": gzipped(t, log), "audit.log.zst": gzipped(t, log), Stdin: gzipped(t, log),
		"plain.log.zst": log, "x.xz": log,
	} {
		if got, err := converted(t, name, content); err != nil || !bytes.Equal(got, log) {
			t.Errorf("%s: %v; restored %.100q", name, err, got)
		}
	}
	if got, err := converted(t, "09-gzip-named.log", fromField); err != nil || len(got) != 29380 || !strings.HasPrefix(string(got), `{"kind":"Event"`) {
		t.Errorf("from the field: %v; restored %d bytes", err, len(got))
	}
	for _, short := range []string{"", "B", "\x1f", "PK\n", "LZI", "7z\n"} {
		if got, err := converted(t, "short.log", []byte(short)); err != nil || string(got) != short {
			t.Errorf("%q: %v; restored %q", short, err, got)
		}
	}
}

// No rows are made of files compressed otherwise; the error names the format and a way out.
func TestOtherFormatsAreRefused(t *testing.T) {
	log := []byte(audittest.FullLine)
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	fromField, err := os.ReadFile("testdata/09-compressed-with-zstd.log.zst")
	if err != nil {
		t.Fatal(err)
	}
	packed := encoder.EncodeAll(log, nil)
	cases := map[string]struct {
		name, want string
		content    []byte
	}{
		"from the field":       {"09-compressed-with-zstd.log.zst", "it is zstd", fromField},
		"zstd":                 {"audit.log", "zstd -dc", packed},
		"zstd as .gz":          {"audit.log.gz", "it is zstd", packed},
		"zstd from a pipe":     {Stdin, "it is zstd", packed},
		"zstd in gzip":         {"audit.log.gz", "it is zstd", gzipped(t, packed)},
		"gzip twice":           {"audit.log.gz", "unpack it twice", gzipped(t, gzipped(t, log))},
		"a frame to skip":      {"audit.log", "it is zstd or lz4", []byte("\x5e\x2a\x4d\x18\x00\x00\x00\x00")},
		"a log as .gz":         {"audit.log.gz", "invalid header", log},
		"gzip that ends":       {"audit.log", "cut short", gzipped(t, log)[:100]},
		"nothing but a header": {"audit.log", "cut short", []byte("\x1f\x8b\x08")},
	}
	for _, f := range formats[1:] {
		cases["head of "+f.name+" "+f.head] = struct {
			name, want string
			content    []byte
		}{"audit-2026-11-22T17-00-27.978.log", "it is " + f.name, []byte(f.head + "\x01\x02\x03")}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := converted(t, c.name, c.content); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
