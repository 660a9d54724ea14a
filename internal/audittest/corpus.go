package audittest

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

//go:embed testdata/*.zst testdata/*.gz
var testdata embed.FS

// gzipName is the name kube-apiserver gave to the compressed backup.
const gzipName = "audit-2026-11-22T17-12-15.746.log.gz"

// Names lists what [Corpus] and [ReadCorpus] know, in a fixed order.
func Names() []string {
	return []string{"diverse.log", "rotated.log", "torn-line.log", "nul-hole.log", "enospc.log"}
}

// shiftDays in the environment moves the timestamps of every corpus by days: a
// suite that passes with -400 passes in 400 days.
const shiftDays = "AUDITTEST_SHIFT_DAYS"

// ReadCorpus returns the content of the named audit log. The caller owns the
// slice. An unknown name is an error that wraps fs.ErrNotExist.
func ReadCorpus(name string) ([]byte, error) {
	packed, err := testdata.ReadFile("testdata/" + name + ".zst")
	if err != nil {
		return nil, fmt.Errorf("read corpus %q: %w", name, err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpack corpus %q: %w", name, err)
	}
	defer dec.Close()
	content, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack corpus %q: %w", name, err)
	}
	if text := os.Getenv(shiftDays); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", shiftDays, err)
		}
		shift(content, time.Duration(days)*24*time.Hour)
	}
	return content, nil
}

// shortLines is how many lines of rotated.log the short form of the tests takes:
// diverse.log has lines of every kind.
const shortLines = 1500

// Corpus is [ReadCorpus] for tests: it ends the test on an error.
func Corpus(tb testing.TB, name string) []byte {
	tb.Helper()
	content, err := ReadCorpus(name)
	if err != nil {
		tb.Fatal(err)
	}
	if testing.Short() && name == "rotated.log" {
		n, size := 0, 0
		for line := range Lines(content) {
			if n++; n > shortLines {
				break
			}
			size += len(line) + 1
		}
		content = content[:size]
	}
	return content
}

// GzipFile writes the compressed backup into a directory of the test's own,
// under the name that kube-apiserver gave it, and returns its path.
func GzipFile(tb testing.TB) (path string) {
	tb.Helper()
	content, err := testdata.ReadFile("testdata/" + gzipName)
	if err != nil {
		tb.Fatal(err)
	}
	path = filepath.Join(tb.TempDir(), gzipName)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
