//go:build e2e

package faults

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
)

// wrong is the behaviour of a store at one PUT instead of storing it.
type wrong int

const (
	damages    wrong = iota + 1 // flips a bit, answers 200
	lies                        // stores something else, answers 412
	answerLost                  // stores it, answers 412 as the retry would see
)

// badStore is as much of S3 as an archive uses, with objects as files. It
// computes a SHA-256 only with sums.
type badStore struct {
	dir    string
	sums   bool
	fault  func(put int) wrong // of the n-th object, from 1
	unread atomic.Bool         // everything but PUT is forbidden

	mu     sync.Mutex // guards stored and the files
	stored int
}

// every makes every n-th object go wrong.
func every(n int, what wrong) func(int) wrong {
	return func(put int) wrong {
		if put%n == 0 {
			return what
		}
		return 0
	}
}

// ServeHTTP answers by path style: /bucket/key.
func (b *badStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bucket"), "/")
	switch {
	case r.Method == http.MethodPut:
		b.put(w, r, key)
	case b.unread.Load():
		refuse(w, http.StatusForbidden, "AccessDenied")
	case key == "":
		b.list(w, r.URL.Query())
	default:
		f, err := os.Open(filepath.Join(b.dir, key))
		if err != nil {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		defer f.Close()
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), f)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>no</Message></Error>") // fails if the client is gone
}

func (b *badStore) put(w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(r.Body)
	if err != nil || int64(len(body)) != r.ContentLength {
		return // the client is gone
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	path := filepath.Join(b.dir, key)
	if _, err := os.Stat(path); err == nil {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	b.stored++
	sum, what := sha256.Sum256(body), b.fault(b.stored)
	switch what {
	case damages:
		body[len(body)/2] ^= 1
	case lies:
		body = []byte("something else")
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, body, 0o600)); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	if what == lies || what == answerLost {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	if b.sums {
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	}
}

func (b *badStore) list(w http.ResponseWriter, query url.Values) {
	type content struct {
		Key          string
		Size         int64
		LastModified string
	}
	var out struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []content
	}
	err := filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		key, err := filepath.Rel(b.dir, path)
		info, infoErr := e.Info()
		if strings.HasPrefix(key, query.Get("prefix")) && infoErr == nil {
			out.Contents = append(out.Contents, content{key, info.Size(), "2026-01-01T00:00:00.000Z"})
		}
		return errors.Join(err, infoErr)
	})
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	_ = xml.NewEncoder(w).Encode(out) // fails if the client is gone
}

// storeFaults are the scenarios in which the store does not hold the bytes it was
// sent, or does not let it be read.
func storeFaults() []scenario {
	of := func(name string, b func() *badStore) scenario {
		return scenario{name: name, writer: pruning(), run: func(s *stage) { s.storeIsBad(b()) }}
	}
	return []scenario{
		of("store damages one object", func() *badStore {
			return &badStore{fault: func(put int) wrong { return map[int]wrong{3: damages}[put] }}
		}),
		of("store damages every second object", func() *badStore { return &badStore{fault: every(2, damages)} }),
		of("412 that lies", func() *badStore { return &badStore{fault: every(3, lies), sums: true} }),
		of("412, and reading is forbidden", func() *badStore {
			b := &badStore{fault: every(3, answerLost), sums: true}
			b.unread.Store(true)
			return b
		}),
	}
}

// storeIsBad archives to b, until objects were stored again.
func (s *stage) storeIsBad(b *badStore) {
	s.t.Helper()
	b.dir = s.t.TempDir()
	s.url, s.stored = "s3://bucket/p", filepath.Join(b.dir, "p")
	s.args = []string{"--s3-endpoint", s.network(badnet.Start(b)).URL(), "--s3-region", "us-east-1", "--s3-path-style"}
	s.env = s.server.Env()
	s.beforeJudge = func() { b.unread.Store(false) } // by those who audit
	s.start()
	s.ready()
	s.write(rate, pick(20*time.Second, 5*time.Second), 700*time.Millisecond)
	ctx, cancel := context.WithTimeout(s.t.Context(), catchUp)
	defer cancel()
	const copies = "auditsidecar_archive_copies_total"
	if _, err := s.p.WaitMetrics(ctx, func(m map[string]float64) bool { return m[copies] > 0 }, copies); err != nil {
		s.t.Error(err)
	}
}
