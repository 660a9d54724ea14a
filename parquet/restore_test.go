package parquet

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// realLines returns the lines of a real log.
func realLines(tb testing.TB) [][]byte {
	tb.Helper()
	return bytes.Split(audittest.Corpus(tb, "diverse.log"), []byte("\n"))
}

func TestRestoreRefusesForeignFiles(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "text": "hello, this is no Parquet file", "magic alone": "PAR1PAR1", "footer cut": "PAR1....\xff\xff\xff\x7fPAR1"} {
		t.Run(name, func(t *testing.T) {
			in := []Input{{Name: "x", ReaderAt: strings.NewReader(content), Size: int64(len(content))}}
			if err := Restore(t.Context(), in, io.Discard); !errors.Is(err, ErrNotOurs) {
				t.Errorf("error %v, want ErrNotOurs", err)
			}
			if _, err := ReadMeta(in[0], in[0].Size); !errors.Is(err, ErrNotOurs) {
				t.Errorf("ReadMeta: error %v, want ErrNotOurs", err)
			}
		})
	}
}

func TestRestoreRefusesMixedSources(t *testing.T) {
	a := convertBytes(t, []byte(canonicalLine), defaultLimits())
	b := convertBytes(t, []byte(canonicalLine+canonicalLine), defaultLimits())
	both := append(inputs(t, a), inputs(t, b)...)
	if err := Restore(t.Context(), both, io.Discard); !errors.Is(err, ErrMismatch) {
		t.Errorf("two sources: %v, want ErrMismatch", err)
	}
	twice := append(inputs(t, a), inputs(t, a)...)
	if err := Restore(t.Context(), twice, io.Discard); !errors.Is(err, ErrMismatch) {
		t.Errorf("one object twice: %v, want ErrMismatch", err)
	}
	if err := Restore(t.Context(), nil, io.Discard); !errors.Is(err, ErrIncomplete) {
		t.Errorf("no objects: %v, want ErrIncomplete", err)
	}
}

func TestRestoreNamesMissingLines(t *testing.T) {
	r := restoration{order: rowsort.NewLines("", 1<<20), meta: ObjectMeta{SourceLines: 9}}
	for _, line := range []int64{5, 1, 2, 7, 7} {
		if err := r.order.Add(line, func(b []byte) []byte { return b }); err != nil {
			t.Fatal(err)
		}
	}
	err := r.missingLines()
	if want := "5 of 9 lines: lines 3 to 4 missing, lines 6 to 6 missing, line 7 twice, lines 8 to 9 missing"; !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want ErrIncomplete with %q", err, want)
	}
}

func TestReadMetaReturnsWhatWasGiven(t *testing.T) {
	res := convertBytes(t, []byte("x\ny"), defaultLimits())
	in := inputs(t, res)[0]
	m, err := ReadMeta(in, in.Size)
	if err != nil {
		t.Fatal(err)
	}
	if m.Meta != testMeta() {
		t.Errorf("meta %+v, want %+v", m.Meta, testMeta())
	}
	if m.Rows != 2 || m.SourceLines != 2 || m.SourceSize != 3 || m.FinalNewline || m.SourceSHA256 != res.SHA256 || m.Day != "2026-11-22" {
		t.Errorf("meta %+v", m)
	}
}

// TestI3_CheckFindsEveryChange flips bits all over an object.
func TestI3_CheckFindsEveryChange(t *testing.T) {
	source := bytes.Join(realLines(t)[:50], []byte("\n"))
	res := convertWith(t, source, Config{Meta: testMeta(), Dir: audittest.FastDir(t)}, defaultLimits())
	path := res.Objects[0].Path
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(content); at += 997 {
		changed := bytes.Clone(content)
		changed[at] ^= 0x10
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Check(t.Context(), res); !errors.Is(err, ErrMismatch) {
			t.Fatalf("byte %d changed: %v, want ErrMismatch", at, err)
		}
		// Without the checksum of the file, the lines must be found to be others.
		if in, same := input(changed), sameLines(t, changed, source); !same {
			if err := checkLines(t.Context(), []Input{in}, res); err == nil {
				t.Fatalf("byte %d changed: other lines, and no error", at)
			}
		}
		// Without the checksum of the file, Restore must fail or be right.
		var out bytes.Buffer
		err := Restore(t.Context(), []Input{input(changed)}, &out)
		if err == nil && !bytes.Equal(out.Bytes(), source) {
			t.Fatalf("byte %d changed: restored other bytes without an error", at)
		}
	}
}

func input(object []byte) Input {
	return Input{Name: "x", ReaderAt: bytes.NewReader(object), Size: int64(len(object))}
}

// sameLines says whether a changed object still is the source.
func sameLines(t *testing.T, object, source []byte) bool {
	t.Helper()
	var out bytes.Buffer
	err := Restore(t.Context(), []Input{input(object)}, &out)
	return err == nil && bytes.Equal(out.Bytes(), source)
}

func TestCheckComparesWithTheResult(t *testing.T) {
	res := convertBytes(t, []byte(canonicalLine), defaultLimits())
	for name, change := range map[string]func(*Result){
		"lines":   func(r *Result) { r.Lines++ },
		"bytes":   func(r *Result) { r.Bytes++ },
		"sum":     func(r *Result) { r.SHA256[0]++ },
		"newline": func(r *Result) { r.FinalNewline = false },
		"seq":     func(r *Result) { r.Meta.Seq++ },
		"rows":    func(r *Result) { r.Objects[0].Rows++ },
	} {
		want := res
		want.Objects = append([]Object(nil), res.Objects...)
		change(&want)
		if err := Check(t.Context(), want); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v, want ErrMismatch", name, err)
		}
	}
	if err := os.Remove(res.Objects[0].Path); err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), res); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing object: %v, want ErrNotExist", err)
	}
	res.Objects = nil
	if err := Check(t.Context(), res); !errors.Is(err, ErrIncomplete) {
		t.Errorf("no objects: %v, want ErrIncomplete", err)
	}
}
