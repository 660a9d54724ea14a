package archive_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// listAll reads a whole listing: the number of keys, and its error.
func listAll(t *testing.T, b *archive.Bucket) (n int, err error) {
	t.Helper()
	for _, err = range b.List(t.Context(), "manifests/") {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// isListing answers a request that is not for a listing like an empty store.
func isListing(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Query().Get("list-type") == "2" {
		return true
	}
	fakeError(w, r, http.StatusNotFound, "NoSuchKey", "none")
	return false
}

// page writes a page of a listing.
func page(w io.Writer, truncated bool, token string, keys ...string) {
	fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", truncated, token)
	for _, k := range keys {
		fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>10</Size></Contents>", k)
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

// A listing that leads back to where it was, in any way, is an error and not the whole listing.
func TestListingsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter, n int) // of the n-th page, from 1
		want   string
		pages  int
	}{
		"the same page": {func(w http.ResponseWriter, _ int) { page(w, true, "same", "manifests/a") }, `"manifests/a" follows "manifests/a"`, 2},
		"the same token": {func(w http.ResponseWriter, n int) { page(w, true, "same", fmt.Sprintf("manifests/%09d", n)) },
			`after "manifests/000000002" the next page is that of the token "same" again`, 2},
		"two tokens in turn": {func(w http.ResponseWriter, n int) { page(w, true, fmt.Sprint(n%2), fmt.Sprintf("manifests/%d", n%2)) },
			`"manifests/0" follows "manifests/1"`, 2},
		"no token":            {func(w http.ResponseWriter, _ int) { page(w, true, "", "manifests/a") }, `token "" again`, 1},
		"empty pages":         {func(w http.ResponseWriter, n int) { page(w, true, fmt.Sprint(n)) }, "1001 pages without a key", 1001},
		"keys not asked for":  {func(w http.ResponseWriter, _ int) { page(w, false, "", "other/a") }, `"other/a" follows "" in a listing of "manifests/"`, 1},
		"keys not in order":   {func(w http.ResponseWriter, _ int) { page(w, false, "", "manifests/b", "manifests/a") }, `"manifests/a" follows "manifests/b"`, 1},
		"an answer cut short": {func(w http.ResponseWriter, _ int) { fmt.Fprint(w, "<ListBucketResult><Contents>") }, "EOF", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages atomic.Int32
			b, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if isListing(w, r) {
					tt.answer(w, int(pages.Add(1)))
				}
			})
			_, err := listAll(t, b)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if got := int(pages.Load()); got > tt.pages {
				t.Errorf("%d pages were asked for, at most %d wanted", got, tt.pages)
			}
		})
	}
}

// A listing of any length, from a store that never ends it, takes the memory of a page. Not in
// parallel: it counts the allocations of this process.
func TestEndlessListing(t *testing.T) {
	const pages = 30 // their keys, if held, are 9 MB
	b, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if !isListing(w, r) {
			return
		}
		var n int
		_, _ = fmt.Sscan(r.URL.Query().Get("continuation-token"), &n)
		keys := make([]string, 1000)
		for i := range keys {
			keys[i] = fmt.Sprintf("manifests/%0300d", n*1000+i)
		}
		page(w, true, fmt.Sprint(n+1), keys...)
	})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var begin uint64
	n := 0
	for _, err := range b.List(t.Context(), "manifests/") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1000 {
			begin = heap()
		}
		if n == pages*1000 {
			break
		}
	}
	if end := heap(); end > begin+(4<<20) {
		t.Errorf("%d bytes of heap after a page, %d after %d", begin, end, pages)
	}
}

// flood writes a megabyte at a time until the client is gone, at most n times.
func flood(w io.Writer, megabytes int) {
	block := bytes.Repeat([]byte("a"), 1<<20)
	for range megabytes {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// However long an answer is, and however small it came, the part read of it is bounded.
func TestLongAnswers(t *testing.T) {
	const huge = 3000 // MiB, which no test waits for
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(z, "<ListBucketResult><Contents><Key>")
	flood(z, 64)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"endless key": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<ListBucketResult><Contents><Key>")
			flood(w, huge)
		}, "longer than 2097152 bytes"},
		"endless error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "<Error><Message>")
			flood(w, huge)
		}, "longer than 2097152 bytes"},
		"gzip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, "XML syntax error"}, // it was not asked for, and is not unpacked
		"long header": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 4000))
			}
		}, "header"},
		"long error text": {func(w http.ResponseWriter, r *http.Request) {
			fakeError(w, r, http.StatusBadRequest, "Long", strings.Repeat("a", 1<<20))
		}, "Long: aaa"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				tt.answer(w, r)
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, listed := listAll(t, b)
			stored := put(t, b, "k", []byte("x"))
			runtime.ReadMemStats(&after)
			for what, err := range map[string]error{"list": listed, "put": stored} {
				want := tt.want
				if what == "put" && name == "endless key" {
					want = "the store answered success but holds more bytes" // it answers every read so
				}
				if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 2000 {
					t.Errorf("%s: %.300v, want %q", what, err, want)
				}
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 256<<20 { // this server's own texts included
				t.Errorf("%d MiB were allocated in all", got>>20)
			}
		})
	}
}

// A redirect is never followed, wherever it leads; where it names a region, so does the error.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	for name, tt := range map[string]struct{ to, header, want string }{
		"to another port":          {to: other.URL + "/latest/meta-data/", want: "a redirect to " + other.Listener.Addr().String() + ", which is not followed (HTTP 307"},
		"to the metadata address":  {to: "http://169.254.169.254/latest/meta-data/", want: "a redirect to 169.254.169.254, which is not followed"},
		"to another region":        {to: "https://bucket.s3.eu-central-1.amazonaws.com/k", want: "set --s3-region=eu-central-1"},
		"to another region, older": {to: "https://bucket.s3-eu-west-3.amazonaws.com/k", want: "set --s3-region=eu-west-3"},
		"with the region's header": {to: "https://elsewhere.example.org/k", header: "sa-east-1", want: "set --s3-region=sa-east-1"},
		"to the same server":       {to: "/other", want: "which is not followed"},
		"to nowhere":               {to: "http://["},
		"with control characters":  {to: "http://a%1b%5b2J/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			b, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", tt.to)
				if tt.header != "" {
					w.Header().Set("x-amz-bucket-region", tt.header)
				}
				w.WriteHeader(http.StatusTemporaryRedirect)
			})
			_, listed := listAll(t, b)
			_, got := b.Open(t.Context(), "k")
			for what, err := range map[string]error{"list": listed, "put": put(t, b, "k", []byte("x")), "get": got} {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("%s: %v, want %q", what, err, tt.want)
				}
			}
			if n := requests.Load(); n > 9 {
				t.Errorf("%d requests", n)
			}
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n > 0 {
			t.Errorf("another server was asked %d times", n)
		}
	})
}

// A store that sends more than a record where a record should be does not fill the directory for
// temporary files.
func TestAtMost(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	b, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte("a"), 64<<10)
		for range 1 << 14 {
			n, err := w.Write(block)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	_, err := b.Open(archive.AtMost(t.Context(), 1<<20), "k")
	if archive.ReasonOf(err) != archive.ReasonTooLarge || !strings.Contains(err.Error(), "longer than 1048576 bytes") {
		t.Errorf("%v", err)
	}
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
}

// AWS_CA_BUNDLE and the bounds go together.
func TestBoundsWithCABundle(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	b, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{Endpoint: s.URL, PathStyle: true, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listAll(t, b); err == nil || !strings.Contains(err.Error(), "a redirect to 127.0.0.1:1, which is not followed") {
		t.Error(err)
	}
}

// A store that refuses x-amz-checksum-sha256 names the remedy, and with it counts an object as stored if a read back
// confirms it.
func TestI4_StoreThatRefusesChecksums(t *testing.T) {
	t.Parallel()
	f := newFakeS3(t)
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("x-amz-checksum-mode") != "" {
			fakeError(w, r, http.StatusBadRequest, "InvalidArgument", "Unsupported header 'x-amz-checksum-mode' received for this API call.")
			return true
		}
		if r.Method != http.MethodPut {
			return false
		}
		if r.Header.Get("x-amz-checksum-sha256") != "" {
			fakeError(w, r, http.StatusBadRequest, "InvalidArgument", "Unsupported header 'x-amz-checksum-sha256' received for this API call.")
			return true
		}
		if len(r.Header.Values("x-amz-sdk-checksum-algorithm"))+len(r.Header.Values("x-amz-trailer")) > 0 {
			t.Errorf("%v", r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		key := strings.TrimPrefix(r.URL.Path, "/"+fakeBucket+"/")
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, taken := f.objects[key]; taken {
			fakeError(w, r, http.StatusPreconditionFailed, "PreconditionFailed", "exists")
			return true
		}
		if strings.HasSuffix(key, "damaged") {
			body[0] ^= 1
		}
		f.objects[key] = fakeObject{body: body, metadata: http.Header{}}
		return true
	}
	wantReason(t, put(t, f.open(t, archive.S3Config{}), "k", []byte("x")), archive.ReasonUnsupported, true, "set --s3-checksum=off")
	_, err := f.open(t, archive.S3Config{}).Open(t.Context(), "k")
	wantReason(t, err, archive.ReasonUnsupported, true, "set --s3-checksum=off")
	b := f.open(t, archive.S3Config{NoChecksum: true})
	for range 2 { // the second time the key is taken, with the same bytes
		if err := put(t, b, "k", []byte("x")); err != nil {
			t.Error(err)
		}
	}
	if n := f.count(http.MethodGet) - 1; n != 2 {
		t.Errorf("%d reads back, want 2", n)
	}
	if info, err := b.Stat(t.Context(), "k"); err != nil || info.Size != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	wantReason(t, put(t, b, "damaged", []byte("x")), archive.ReasonDamaged, false, "holds 1 bytes")
}

// A store that ignores If-None-Match takes an object twice, and no object more.
func TestReplaces(t *testing.T) {
	t.Parallel()
	for _, ignores := range []bool{false, true} {
		f := newFakeS3(t)
		f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			if ignores {
				r.Header.Del("If-None-Match")
			}
			return false
		}
		b := f.open(t, archive.S3Config{})
		content := []byte("a record")
		if err := put(t, b, "k", content); err != nil {
			t.Fatal(err)
		}
		got, err := b.Replaces(t.Context(), "k", bytes.NewReader(content), int64(len(content)), sha256.Sum256(content))
		if got != ignores || err != nil || len(f.objects) != 1 {
			t.Errorf("%v, %v with %d objects, want %v and one", got, err, len(f.objects), ignores)
		}
	}
}
