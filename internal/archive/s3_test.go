package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/archive/archivetest"
)

var fakeModified = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestConformanceOfS3(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archivetest.Store { return newFakeS3(t).store(t) })
}

// TestConformanceOfS3WithoutChecksums is about servers that ignore headers that they do
// not know: everything is read back.
func TestConformanceOfS3WithoutChecksums(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archivetest.Store {
		f := newFakeS3(t)
		f.noChecksums = true
		return f.store(t)
	})
}

func put(t *testing.T, b *archive.Bucket, key string, content []byte) error {
	t.Helper()
	return b.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), sha256.Sum256(content))
}

func wantReason(t *testing.T, err error, reason archive.Reason, permanent bool, texts ...string) {
	t.Helper()
	if archive.ReasonOf(err) != reason || archive.Permanent(err) != permanent {
		t.Errorf("reason %q, permanent %v, want %q, %v: %v", archive.ReasonOf(err), archive.Permanent(err), reason, permanent, err)
	}
	for _, text := range texts {
		if err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestI5_OnePutWithConditionAndChecksum(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	content := archivetest.Content(12<<20, 1) // more than two of the SDK's default parts
	if err := put(t, f.open(t, archive.S3Config{KMSKeyID: "alias/audit"}), "data/x", content); err != nil {
		t.Fatal(err)
	}
	if len(f.requests) != 2 || f.count(http.MethodPut) != 1 {
		t.Fatalf("%d requests, want one PUT, and a GET to sample it", len(f.requests))
	}
	r := f.requests[0]
	sum := sha256.Sum256(content)
	for name, want := range map[string]string{
		"If-None-Match":                               "*",
		"Content-Encoding":                            "",
		"X-Amz-Content-Sha256":                        hex.EncodeToString(sum[:]),
		"X-Amz-Server-Side-Encryption":                "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "alias/audit",
		"X-Amz-Checksum-Crc32":                        "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if r.Method != http.MethodPut || r.URL.Path != "/bucket/some/prefix/data/x" {
		t.Errorf("request is %s %s", r.Method, r.URL)
	}
}

// TestI5_LostAnswer: the store took the body, its answer never came.
func TestI5_LostAnswer(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	var lost atomic.Bool
	f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || lost.Swap(true) {
			return false
		}
		f.put(httptest.NewRecorder(), r, strings.TrimPrefix(r.URL.Path, "/bucket/"))
		panic(http.ErrAbortHandler)
	}
	b := f.open(t, archive.S3Config{})
	content := archivetest.Content(100_000, 1)
	if err := put(t, b, "k", content); err != nil {
		t.Fatal(err)
	}
	if f.count(http.MethodPut) != 2 || f.count(http.MethodGet) != 1 {
		t.Errorf("%d PUT, %d GET, want 2 and 1", f.count(http.MethodPut), f.count(http.MethodGet))
	}
}

func TestI5_ConcurrentRequestIsRepeated(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	var n atomic.Int64
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) > 2 {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fakeError(w, r, http.StatusConflict, "ConditionalRequestConflict", "try again")
		return true
	}
	if err := put(t, f.open(t, archive.S3Config{}), "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	n.Store(-1 << 30)
	err := put(t, f.open(t, archive.S3Config{}), "k2", []byte("x"))
	wantReason(t, err, archive.ReasonServer, false, "ConditionalRequestConflict")
}

func TestTooLargeForOnePut(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	err := f.open(t, archive.S3Config{}).Put(t.Context(), "k", bytes.NewReader(nil), 5<<30+1, [32]byte{})
	wantReason(t, err, archive.ReasonTooLarge, true, "5 GiB", "--audit-log-maxsize")
	if len(f.requests) != 0 {
		t.Errorf("%d requests", len(f.requests))
	}
}

func TestCancelDuringUpload(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.ReadFull(r.Body, make([]byte, 1000))
		cancel()
		_, _ = io.Copy(io.Discard, r.Body) // until the client goes away
		return true
	}
	content := archivetest.Content(8<<20, 1)
	err := f.open(t, archive.S3Config{}).Put(ctx, "k", bytes.NewReader(content), int64(len(content)), sha256.Sum256(content))
	wantReason(t, err, archive.ReasonCanceled, false)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
}

// TestBrokenDownload breaks the connection again and again; Open resumes where
// it was.
func TestBrokenDownload(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	content := archivetest.Content(1<<20, 1)
	b := f.open(t, archive.S3Config{})
	if err := put(t, b, "k", content); err != nil {
		t.Fatal(err)
	}
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		f.get(&cutWriter{ResponseWriter: w, left: 200_000}, r, "some/prefix/k")
		panic(http.ErrAbortHandler)
	}
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if n := f.count(http.MethodGet); n < 5 {
		t.Errorf("%d requests for 1 MiB at 200,000 bytes each", n)
	}
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		f.get(&cutWriter{ResponseWriter: w}, r, "some/prefix/k")
		panic(http.ErrAbortHandler)
	}
	_, err = b.Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonUnreachable, false)
}

// cutWriter passes left bytes on and swallows the rest.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	if c.left == 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
	}
	return len(p), nil
}

func TestCorruptDownload(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	b := f.open(t, archive.S3Config{})
	if err := put(t, b, "k", []byte("good")); err != nil {
		t.Fatal(err)
	}
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			sum := sha256.Sum256([]byte("good"))
			w.Header().Set("x-amz-checksum-sha256", base64.StdEncoding.EncodeToString(sum[:]))
			_, _ = w.Write([]byte("evil"))
			return true
		}
		return false
	}
	_, err := b.Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonChecksum, false)
}

func TestOpenIsOneRequest(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	b := f.open(t, archive.S3Config{})
	if err := put(t, b, "k", []byte("good")); err != nil {
		t.Fatal(err)
	}
	gets, heads := f.count(http.MethodGet), f.count(http.MethodHead)
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if sum := sha256.Sum256([]byte("good")); f.count(http.MethodGet) != gets+1 || f.count(http.MethodHead) != heads || !bytes.Equal(o.SHA256, sum[:]) || o.Size != 4 {
		t.Errorf("%d GET, %d HEAD, %+v", f.count(http.MethodGet)-gets, f.count(http.MethodHead)-heads, o.Info)
	}
}

func TestOpenLeavesNoFile(t *testing.T) {
	f, dir := newFakeS3(t), t.TempDir()
	t.Setenv("TMPDIR", dir)
	b := f.open(t, archive.S3Config{})
	if err := put(t, b, "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the temporary directory holds %v, %v", entries, err)
	}
	t.Setenv("TMPDIR", "/nonexistent")
	_, err = b.Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonOther, false, "TMPDIR", "/nonexistent")
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v looks like a missing object", err)
	}
}

func TestCAFile(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	secure := httptest.NewTLSServer(f)
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = discardLog()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(caFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := archive.S3Config{Endpoint: secure.URL, PathStyle: true, CAFile: caFile}
	b, err := archive.Open(t.Context(), "s3://bucket", cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(t, b, "k", []byte("x")); err != nil {
		t.Error(err)
	}
	cfg.CAFile = ""
	if b, err = archive.Open(t.Context(), "s3://bucket", cfg); err != nil {
		t.Fatal(err)
	}
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonTLS, true, "--s3-ca-file")
}
