package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

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
	for i := range 70 {
		if err := put(t, b, fmt.Sprint(i), []byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.count(http.MethodGet); n != 9 {
		t.Fatalf("%d of 70 objects were read back, want the first 8 and the 64th", n)
	}
	f.damage = flip
	if err := put(t, b, "k", []byte("content")); err != nil || f.count(http.MethodGet) != 9 {
		t.Fatalf("Put = %v, %d GET: the store's own SHA-256 does not count", err, f.count(http.MethodGet))
	}
	_, err := b.Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonChecksum, false)
	if info, err := b.Stat(t.Context(), "k"); err != nil || info.SHA256 != nil {
		t.Errorf("Stat = %x, %v: it was contradicted", info.SHA256, err)
	}
	wantReason(t, put(t, b, "k2", []byte("content")), archive.ReasonDamaged, false, "answered success but holds")
}

// TestI10_StoreThatRepeatsTheChecksum answers with the SHA-256 that was sent, and holds
// something else: the first object of a process shows it.
func TestI10_StoreThatRepeatsTheChecksum(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	f.damage = flip
	b := f.open(t, archive.S3Config{})
	for i := range 20 {
		wantReason(t, put(t, b, fmt.Sprint(i), []byte("content")), archive.ReasonDamaged, false, "answered success but holds")
	}
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
