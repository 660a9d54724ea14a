package audittest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
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

// ReadReal returns every line of every log of ordinary traffic, once: some are in two
// of them. Logs of injected faults are left out.
func ReadReal() (lines []byte, err error) {
	versions, err := fs.Glob(testdata, "testdata/"+VersionLog("v*")+".zst")
	if err != nil {
		return nil, fmt.Errorf("list the logs of Kubernetes' versions: %w", err)
	}
	names := []string{"rotated.log", "diverse.log"}
	for _, name := range versions {
		names = append(names, strings.TrimSuffix(path.Base(name), ".zst"))
	}
	all, err := ReadGzip()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		content, err := ReadCorpus(name)
		if err != nil {
			return nil, err
		}
		all = append(all, content...)
	}
	seen := make(map[string]bool)
	for line := range bytes.Lines(all) {
		if !seen[string(line)] {
			seen[string(line)] = true
			lines = append(lines, line...)
		}
	}
	return lines, nil
}

// ReadGzip returns the content of the compressed backup.
func ReadGzip() ([]byte, error) {
	packed, err := testdata.Open("testdata/" + gzipName)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", gzipName, err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", gzipName, err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", gzipName, err)
	}
	return content, nil
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

const (
	// shortLines is how many lines of rotated.log the short form of the tests takes.
	shortLines = 500
	// shortOfAKind is how many lines of each kind it takes of diverse.log and enospc.log.
	shortOfAKind = 2
)

// Corpus is [ReadCorpus] for tests: it ends the test on an error. In the short form of the tests
// the larger logs have fewer lines, and still lines of every kind.
func Corpus(tb testing.TB, name string) []byte {
	tb.Helper()
	content, err := ReadCorpus(name)
	if err != nil {
		tb.Fatal(err)
	}
	if !testing.Short() {
		return content
	}
	switch name {
	case "rotated.log":
		return firstLines(content, shortLines)
	case "diverse.log", "enospc.log":
		return someOfEachKind(content, shortOfAKind)
	}
	return content
}

// firstLines returns the first n lines of content.
func firstLines(content []byte, n int) []byte {
	size := 0
	for line := range bytes.Lines(content) {
		if n--; n < 0 {
			break
		}
		size += len(line)
	}
	return content[:size]
}

// someOfEachKind returns the first n lines of each kind. Lines are of one kind if they have the same
// level, verb and fields, and are damaged in the same way.
func someOfEachKind(content []byte, n int) []byte {
	var some []byte
	seen := map[string]int{}
	for line := range bytes.Lines(content) {
		kind := kindOf(line)
		if seen[kind]++; seen[kind] <= n {
			some = append(some, line...)
		}
	}
	return some
}

// kindOf describes the parts of a line.
func kindOf(line []byte) string {
	var kind []byte
	for _, name := range []string{"level", "verb", "status"} {
		_, rest, _ := bytes.Cut(line, []byte(`"`+name+`":"`))
		value, _, _ := bytes.Cut(rest, []byte(`"`))
		kind = append(append(kind, value[:min(len(value), 20)]...), ' ')
	}
	for _, part := range []string{
		`"impersonatedUser":`, `"authenticationMetadata":`, `"userAgent":`, `"objectRef":`, `"resource":`, `"namespace":`, `"name":`,
		`"uid":`, `"groups":`, `"extra":`, `"apiGroup":`, `"resourceVersion":`, `"subresource":`, `"responseStatus":`, `"reason":`,
		`"details":`, `"requestObject":`, `"responseObject":`, `"annotations":`, `"sourceIPs":`, `"user":{}`, `\u`, `\"`, "\x00", "}}\n",
	} {
		kind = append(kind, '0'+byte(min(1, bytes.Count(line, []byte(part)))))
	}
	events := bytes.Count(line, []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1"`))
	return fmt.Sprintf("%s %d %v", kind, min(events, 9), bytes.HasPrefix(line, []byte(`{"kind":"Event"`)))
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
