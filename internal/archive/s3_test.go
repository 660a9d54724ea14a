package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
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

// TestConformanceOfS3WithoutChecksums is about servers that ignore what they do
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
	if len(f.requests) != 1 {
		t.Fatalf("%d requests, want one PUT", len(f.requests))
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

func TestI4_StoreThatHoldsOtherBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
	}{
		{"checksum in the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
		}},
		{"composite checksum in the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2")
		}},
		{"nothing stored", func(http.ResponseWriter, *http.Request) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeS3(t)
			f.fault = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut {
					_, _ = io.Copy(io.Discard, r.Body)
					tt.answer(w, r)
					return true
				}
				return false
			}
			if err := put(t, f.open(t, archive.S3Config{}), "k", []byte("x")); err == nil {
				t.Error("Put believed the store")
			}
		})
	}
	t.Run("cut short", func(t *testing.T) {
		f := newFakeS3(t)
		f.noChecksums = true
		f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				_, _ = io.Copy(io.Discard, r.Body)
				f.mu.Lock()
				f.objects["some/prefix/k"] = fakeObject{body: []byte("shor")}
				f.mu.Unlock()
				return true
			}
			return false
		}
		err := put(t, f.open(t, archive.S3Config{}), "k", []byte("short"))
		wantReason(t, err, archive.ReasonDamaged, false, "holds 4 bytes")
	})
}

// flip damages a body.
func flip(_ string, body []byte) []byte {
	body = bytes.Clone(body)
	body[len(body)-1] ^= 1
	return body
}

// TestI10_DamagedAtOnce is a store that damages a body, keeps the metadata and
// answers success, or loses the answer, so that the retry meets the object.
func TestI10_DamagedAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		checksums, lose bool
		want            archive.Reason
	}{
		"no checksum, success":     {want: archive.ReasonDamaged},
		"no checksum, answer lost": {lose: true, want: archive.ReasonConflict},
		"checksum, answer lost":    {checksums: true, lose: true, want: archive.ReasonConflict},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeS3(t)
			f.noChecksums, f.damage = !tt.checksums, flip
			var lost atomic.Bool
			f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || !tt.lose || lost.Swap(true) {
					return false
				}
				f.put(httptest.NewRecorder(), r, strings.TrimPrefix(r.URL.Path, "/bucket/"))
				panic(http.ErrAbortHandler)
			}
			b := f.open(t, archive.S3Config{})
			err := put(t, b, "k", []byte("content"))
			if archive.ReasonOf(err) != tt.want || !errors.Is(err, archive.ErrConflict) {
				t.Fatalf("Put = %v (%s), want %s", err, archive.ReasonOf(err), tt.want)
			}
			if err := put(t, b, "k", []byte("content")); archive.ReasonOf(err) != archive.ReasonConflict {
				t.Errorf("the second Put = %v", err)
			}
			if err := put(t, b, "k2", []byte("content")); archive.ReasonOf(err) != archive.ReasonDamaged {
				t.Errorf("another Put = %v: the store's SHA-256 still counts", err)
			}
			f.damage = nil
			if err := put(t, b, "k3", []byte("content")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestI10_ReadContradictsTheStore: the SHA-256 that the store computed counts
// until a read shows other bytes.
func TestI10_ReadContradictsTheStore(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	b := f.open(t, archive.S3Config{})
	f.damage = flip
	if err := put(t, b, "k", []byte("content")); err != nil || f.count(http.MethodGet) != 0 {
		t.Fatalf("Put = %v, %d GET: the store's own SHA-256 does not count", err, f.count(http.MethodGet))
	}
	_, err := b.Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonChecksum, false)
	if info, err := b.Stat(t.Context(), "k"); err != nil || info.SHA256 != nil {
		t.Errorf("Stat = %x, %v: it was contradicted", info.SHA256, err)
	}
	wantReason(t, put(t, b, "k2", []byte("content")), archive.ReasonDamaged, false, "answered success but holds")
}

// TestI10_NothingConfirms: PutObject alone, on a store that computes nothing.
func TestI10_NothingConfirms(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	f.noChecksums = true
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			fakeError(w, r, http.StatusForbidden, "AccessDenied", "Access Denied")
		}
		return r.Method != http.MethodPut
	}
	b := f.open(t, archive.S3Config{})
	for _, cause := range []string{"reports no SHA-256 of its own", "cannot be compared with ours"} {
		wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonPermission, true, cause, "allow s3:GetObject", "x-amz-checksum-sha256")
	}
}

func TestPutObjectPermissionAlone(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			return false
		}
		fakeError(w, r, http.StatusForbidden, "AccessDenied", "Access Denied")
		return true
	}
	b := f.open(t, archive.S3Config{})
	if err := put(t, b, "k", []byte("x")); err != nil {
		t.Fatalf("storing needs more than PutObject: %v", err)
	}
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonUnreadable, true, "the key is taken", "s3:GetObject")
}

// A locked object is forbidden on some servers (versitygw 1.8), not there
// already: a PUT whose answer was lost must be recognised all the same.
func TestI5_ForbiddenByObjectLock(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	b := f.open(t, archive.S3Config{})
	if err := put(t, b, "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			fakeError(w, r, http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock.")
		}
		return r.Method == http.MethodPut
	}
	if err := put(t, b, "k", []byte("x")); err != nil {
		t.Errorf("the same bytes: %v", err)
	}
	wantReason(t, put(t, b, "k", []byte("y")), archive.ReasonConflict, true, "another object")
	wantReason(t, put(t, b, "other", []byte("x")), archive.ReasonPermission, true, "s3:PutObject")
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

// TestBrokenDownload breaks the connection again and again; Open goes on where
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
			_, _ = w.Write([]byte("evil"))
			return true
		}
		return false
	}
	_, err := b.Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonChecksum, false)
}

func TestOpenLeavesNoFile(t *testing.T) {
	t.Parallel()
	f, dir := newFakeS3(t), t.TempDir()
	b := f.open(t, archive.S3Config{TempDir: dir})
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
	_, err = f.open(t, archive.S3Config{TempDir: "/nonexistent"}).Open(t.Context(), "k")
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
