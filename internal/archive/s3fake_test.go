package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/archive/archivetest"
)

// fakeS3 is as much of S3, by path style, as an archive uses. Real servers are
// tested in e2e/s3; this one can misbehave on request.
type fakeS3 struct {
	*httptest.Server
	// fault may answer a request instead of the server; it returns whether it did.
	fault func(w http.ResponseWriter, r *http.Request) bool
	// noChecksums makes it a server that does not know the checksum headers.
	noChecksums bool
	// damage makes the stored form of the body of a PUT.
	damage   func(key string, body []byte) []byte
	pageSize int

	mu       sync.Mutex
	objects  map[string]fakeObject
	requests []*http.Request // without bodies
}

type fakeObject struct {
	body     []byte
	sum      string // computed when it was stored
	metadata http.Header
}

const fakeBucket = "bucket"

// newFakeS3 starts a server. TestMain has set the credentials.
func newFakeS3(t *testing.T) *fakeS3 {
	t.Helper()
	f := &fakeS3{objects: map[string]fakeObject{}, pageSize: 40}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeS3) open(t *testing.T, cfg archive.S3Config) *archive.Bucket {
	t.Helper()
	cfg.Endpoint, cfg.PathStyle = f.URL, true
	b, err := archive.Open(t.Context(), "s3://"+fakeBucket+"/some/prefix/", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// store makes an archivetest.Store of it.
func (f *fakeS3) store(t *testing.T) archivetest.Store {
	t.Helper()
	return archivetest.Store{Bucket: f.open(t, archive.S3Config{}), Damage: func(key string, content []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		o := f.objects["some/prefix/"+key]
		o.body = content
		f.objects["some/prefix/"+key] = o
	}}
}

// count returns the number of requests with this method.
func (f *fakeS3) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if r.Method == method {
			n++
		}
	}
	return n
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Clone(r.Context()))
	f.mu.Unlock()
	if f.fault != nil && f.fault(w, r) {
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case bucket != fakeBucket:
		fakeError(w, r, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case key == "" && r.URL.Query().Get("list-type") == "2":
		f.list(w, r)
	case r.Method == http.MethodPut:
		f.put(w, r, key)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		f.get(w, r, key)
	default:
		fakeError(w, r, http.StatusNotImplemented, "NotImplemented", r.Method)
	}
}

func fakeError(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-amz-request-id", "REQ1")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
	}
}

func (f *fakeS3) put(w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(r.Body)
	if err != nil || int64(len(body)) != r.ContentLength {
		return // the client went away
	}
	sum := sha256.Sum256(body)
	b64 := base64.StdEncoding.EncodeToString(sum[:])
	if r.Header.Get("x-amz-content-sha256") != hex.EncodeToString(sum[:]) || r.Header.Get("x-amz-checksum-sha256") != b64 {
		fakeError(w, r, http.StatusBadRequest, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, taken := f.objects[key]; taken && r.Header.Get("If-None-Match") == "*" {
		fakeError(w, r, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		return
	}
	o := fakeObject{body: body, sum: b64, metadata: http.Header{}}
	if f.damage != nil {
		o.body = f.damage(key, body)
	}
	if !f.noChecksums {
		w.Header().Set("x-amz-checksum-sha256", b64)
	}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			o.metadata[name] = values
		}
	}
	f.objects[key] = o
}

func (f *fakeS3) get(w http.ResponseWriter, r *http.Request, key string) {
	f.mu.Lock()
	o, ok := f.objects[key]
	f.mu.Unlock()
	if !ok {
		fakeError(w, r, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	for name, values := range o.metadata {
		w.Header()[name] = values
	}
	sum := sha256.Sum256(o.body)
	if !f.noChecksums && r.Header.Get("x-amz-checksum-mode") == "ENABLED" && r.Header.Get("Range") == "" {
		w.Header().Set("x-amz-checksum-sha256", o.sum)
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum[:8]))
	// ServeContent knows Range and If-Match.
	http.ServeContent(w, r, "", fakeModified, bytes.NewReader(o.body))
}

func (f *fakeS3) list(w http.ResponseWriter, r *http.Request) {
	type content struct {
		Key          string
		Size         int
		LastModified string
	}
	type result struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}
	q := r.URL.Query()
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for k := range f.objects {
		if strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("start-after") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	start, _ := strconv.Atoi(q.Get("continuation-token"))
	end := min(start+f.pageSize, len(keys))
	var out result
	for _, k := range keys[start:end] {
		out.Contents = append(out.Contents, content{k, len(f.objects[k].body), fakeModified.Format("2006-01-02T15:04:05.000Z")})
	}
	if end < len(keys) {
		out.IsTruncated, out.NextContinuationToken = true, strconv.Itoa(end)
	}
	_ = xml.NewEncoder(w).Encode(out)
}
