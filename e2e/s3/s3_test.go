//go:build e2e

package s3

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/archive/archivetest"
)

// start starts a server and sets this process's AWS settings to it.
func start(t *testing.T) *s3server.Server {
	t.Helper()
	s := s3server.Start(t)
	for _, setting := range s.Env() {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
	}
	return s
}

func open(t *testing.T, s *s3server.Server, url string) *archive.Bucket {
	t.Helper()
	b, err := archive.Open(t.Context(), url, archive.S3Config{
		Endpoint: s.Endpoint, Region: s.Region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, b *archive.Bucket, key string, content []byte) error {
	t.Helper()
	return b.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), sha256.Sum256(content))
}

func wantContent(t *testing.T, b *archive.Bucket, key string, want []byte) {
	t.Helper()
	o, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes (%v), want %d others", key, len(got), err, len(want))
	}
}

func wantReason(t *testing.T, err error, reason archive.Reason, permanent bool, text string) {
	t.Helper()
	t.Log(err)
	if archive.ReasonOf(err) != reason || archive.Permanent(err) != permanent {
		t.Errorf("reason %q, permanent %v, want %q, %v: %v", archive.ReasonOf(err), archive.Permanent(err), reason, permanent, err)
	}
	if err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("%q does not say %q", err, text)
	}
}

func TestConformance(t *testing.T) {
	s := start(t)
	var n atomic.Int64
	archivetest.Run(t, func(t *testing.T) archivetest.Store {
		prefix := fmt.Sprintf("conformance/%d", n.Add(1))
		return archivetest.Store{Bucket: open(t, s, s.URL(prefix)), Damage: func(key string, content []byte) {
			// The server keeps the checksum beside the file, as an attribute.
			f, err := os.OpenFile(filepath.Join(s.Dir, s.Bucket, prefix, key), os.O_WRONLY|os.O_TRUNC, 0)
			if err == nil {
				_, err = f.Write(content)
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Error(err)
			}
		}}
	})
}

func TestMoreThanOnePageOfKeys(t *testing.T) {
	s := start(t)
	archivetest.ListManyPages(t, archivetest.Store{Bucket: open(t, s, s.URL(""))}, 1001)
}

// TestI4_TheServerKnowsTheChecksum looks past our code: the server computed the
// SHA-256 of the whole object, which was not sent in parts.
func TestI4_TheServerKnowsTheChecksum(t *testing.T) {
	s := start(t)
	content := archivetest.Content(20<<20, 1)
	b := open(t, s, s.URL("p"))
	if err := put(t, b, "big", content); err != nil {
		t.Fatal(err)
	}
	out, err := s.Client().HeadObject(t.Context(), &awss3.HeadObjectInput{
		Bucket: &s.Bucket, Key: aws.String("p/big"), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	info, err := b.Stat(t.Context(), "big")
	if err != nil || !bytes.Equal(info.SHA256, sum[:]) || strings.Contains(aws.ToString(out.ChecksumSHA256), "-") {
		t.Errorf("Stat = %+v, %v; the server says %q", info, err, aws.ToString(out.ChecksumSHA256))
	}
	wantContent(t, b, "big", content)
}

func TestWrongBucket(t *testing.T) {
	s := start(t)
	b := open(t, s, "s3://no-such-bucket/p")
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonBucket, true, `create bucket "no-such-bucket"`)
	for _, err := range b.List(t.Context(), "") {
		wantReason(t, err, archive.ReasonBucket, true, "no-such-bucket")
	}
	if _, err := b.Stat(t.Context(), "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat in a bucket that does not exist: %v", err)
	}
}

func TestWrongCredentials(t *testing.T) {
	s := start(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	wantReason(t, put(t, open(t, s, s.URL("")), "k", []byte("x")), archive.ReasonCredentials, true, "refuses these credentials")
	t.Setenv("AWS_ACCESS_KEY_ID", "nobody")
	wantReason(t, put(t, open(t, s, s.URL("")), "k", []byte("x")), archive.ReasonCredentials, true, "refuses these credentials")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	wantReason(t, put(t, open(t, s, s.URL("")), "k", []byte("x")), archive.ReasonCredentials, true, "AWS_ACCESS_KEY_ID")
}

func TestWrongRegion(t *testing.T) {
	s := start(t)
	b, err := archive.Open(t.Context(), s.URL(""), archive.S3Config{Endpoint: s.Endpoint, Region: "us-west-2", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonRegion, true, "--s3-region="+s.Region)
}

// TestMultipleBuckets: one endpoint, keys of one bucket are not in the other.
func TestMultipleBuckets(t *testing.T) {
	s := start(t)
	s.NewBucket(t, "second")
	first, second := open(t, s, s.URL("p")), open(t, s, "s3://second/p")
	if err := errors.Join(put(t, first, "k", []byte("1")), put(t, second, "k", []byte("2"))); err != nil {
		t.Fatal(err)
	}
	wantContent(t, first, "k", []byte("1"))
	wantContent(t, second, "k", []byte("2"))
}

func TestOutage(t *testing.T) {
	s := start(t)
	b := open(t, s, s.URL("p"))
	s.Stop(t)
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonUnreachable, false, "connection refused")
	s.Resume(t)
	if err := put(t, b, "k", []byte("x")); err != nil {
		t.Error(err)
	}
}

// slowBody kills the server when half of it was read.
type slowBody struct {
	*bytes.Reader
	half func()
}

func (b slowBody) ReadAt(p []byte, off int64) (int, error) {
	if off > b.Size()/2 {
		b.half()
	}
	return b.Reader.ReadAt(p, off)
}

// TestI5_ServerDiesDuringUpload: nothing of the half object can be seen, and the
// same bytes can be stored afterwards.
func TestI5_ServerDiesDuringUpload(t *testing.T) {
	s := start(t)
	b := open(t, s, s.URL("p"))
	content := archivetest.Content(64<<20, 1)
	var killed atomic.Bool
	body := slowBody{bytes.NewReader(content), func() {
		if !killed.Swap(true) {
			s.Stop(t)
		}
	}}
	err := b.Put(t.Context(), "k", body, int64(len(content)), sha256.Sum256(content))
	wantReason(t, err, archive.ReasonUnreachable, false, "")
	s.Resume(t)
	if _, err := b.Stat(t.Context(), "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the crash Stat says %v", err)
	}
	if err := put(t, b, "k", content); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "k", content)
}

// TestTheServerRefusesToOverwrite asks the server itself, without our
// comparison: If-None-Match must be honoured for I5 to hold.
func TestTheServerRefusesToOverwrite(t *testing.T) {
	s := start(t)
	in := func(content string) *awss3.PutObjectInput {
		return &awss3.PutObjectInput{Bucket: &s.Bucket, Key: aws.String("k"), IfNoneMatch: aws.String("*"), Body: strings.NewReader(content)}
	}
	if _, err := s.Client().PutObject(t.Context(), in("first")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client().PutObject(t.Context(), in("second")); err == nil {
		t.Fatal("the server overwrites")
	}
	// An object that another client put there.
	b := open(t, s, s.URL(""))
	if err := put(t, b, "k", []byte("first")); err != nil {
		t.Errorf("the same bytes by another writer: %v", err)
	}
	if err := put(t, b, "k", []byte("other")); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("other bytes by another writer: %v", err)
	}
}

// TestMemoryOfALargeObject stores and opens 300 MB that are nowhere in memory.
func TestMemoryOfALargeObject(t *testing.T) {
	s := start(t)
	b := open(t, s, s.URL("p"))
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := sha256.New()
	chunk := archivetest.Content(1<<20, 1)
	const chunks = 300
	for range chunks {
		if _, err := io.MultiWriter(file, h).Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	before := peakRSS(t)
	began := time.Now()
	if err := b.Put(t.Context(), "k", file, chunks<<20, [32]byte(h.Sum(nil))); err != nil {
		t.Fatal(err)
	}
	stored := time.Since(began)
	o, err := b.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	grown := peakRSS(t) - before
	t.Logf("300 MiB: stored in %v, opened in %v, memory grew by %d KiB", stored, time.Since(began)-stored, grown)
	if grown > 32<<10 {
		t.Errorf("memory grew by %d KiB", grown)
	}
}

// peakRSS returns the most memory this process ever had, in KiB.
func peakRSS(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
