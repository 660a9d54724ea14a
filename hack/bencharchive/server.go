package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	bucketName = "bench"
	inFlight   = 64 // requests of the reference, as many as verify has
)

// standIn serves a directory as a bucket by path style; each request takes a time.
type standIn struct {
	*httptest.Server
	dir  string
	each time.Duration
	keys []string // sorted
	size map[string]int64
	sums map[string]string // SHA-256, base64
}

func newStandIn(dir string, each time.Duration) (*standIn, error) {
	s := &standIn{dir: dir, each: each, size: map[string]int64{}, sums: map[string]string{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, f)
		key, relErr := filepath.Rel(dir, path)
		if err != nil || relErr != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		s.keys = append(s.keys, filepath.ToSlash(key))
		s.size[key], s.sums[key] = n, base64.StdEncoding.EncodeToString(h.Sum(nil))
		return nil
	})
	slices.Sort(s.keys)
	s.Server = httptest.NewServer(s)
	return s, err
}

// ServeHTTP implements [http.Handler].
func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(s.each)
	key := strings.TrimPrefix(r.URL.Path, "/"+bucketName+"/")
	if r.URL.Query().Has("list-type") {
		s.list(w, r)
		return
	}
	f, err := os.Open(filepath.Join(s.dir, filepath.FromSlash(key)))
	if err != nil || s.sums[key] == "" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
		return
	}
	defer f.Close()
	if r.Header.Get("Range") == "" {
		w.Header().Set("x-amz-checksum-sha256", s.sums[key])
	}
	w.Header().Set("ETag", `"`+s.sums[key]+`"`)
	http.ServeContent(w, r, "", time.Time{}, f)
}

// list answers with one page.
func (s *standIn) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after := max(q.Get("start-after"), q.Get("continuation-token"))
	var page strings.Builder
	n, last := 0, ""
	for _, key := range s.keys {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= after {
			continue
		}
		if n == 1000 {
			break
		}
		n, last = n+1, key
		fmt.Fprintf(&page, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", html.EscapeString(key), s.size[key])
	}
	fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%s</NextContinuationToken>%s</ListBucketResult>",
		n == 1000, html.EscapeString(last), page.String())
}

// download gets everything below data/ as plain HTTP does and returns the time.
func (s *standIn) download() (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}
	defer client.CloseIdleConnections()
	begin := time.Now()
	var group errgroup.Group
	group.SetLimit(inFlight)
	for _, key := range s.keys {
		if !strings.HasPrefix(key, "data/") {
			continue
		}
		group.Go(func() error {
			answer, err := client.Get(s.URL + "/" + bucketName + "/" + key)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			n, err := io.Copy(io.Discard, answer.Body)
			if err == nil && n != s.size[key] {
				err = fmt.Errorf("download %s: %d of %d bytes", key, n, s.size[key])
			}
			return err
		})
	}
	err := group.Wait()
	return time.Since(begin), err
}
