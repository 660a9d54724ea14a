package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// shop is as much of an S3 service as doctor asks for.
type shop struct {
	replaces bool   // ignores If-None-Match
	noPut    bool   // refuses PutObject
	noGet    bool   // refuses GetObject and HeadObject
	noSum    bool   // computes no SHA-256
	damages  bool   // flips a bit of each stored object
	settings string // answer to the settings of the bucket; empty: refuses to say

	mu      sync.Mutex
	objects map[string]string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>no</Message></Error>")
	}
	content, there := s.objects[r.URL.Path]
	switch {
	case r.URL.Query().Has("versioning") || r.URL.Query().Has("object-lock") || r.URL.Query().Has("lifecycle"):
		if s.settings == "" {
			fail(http.StatusForbidden, "AccessDenied")
			return
		}
		if !r.URL.Query().Has("versioning") {
			fail(http.StatusNotFound, map[bool]string{true: "NoSuchLifecycleConfiguration", false: "ObjectLockConfigurationNotFoundError"}[r.URL.Query().Has("lifecycle")])
			return
		}
		_, _ = io.WriteString(w, s.settings)
	case r.Method == http.MethodPut && s.noPut, r.Method != http.MethodPut && s.noGet:
		fail(http.StatusForbidden, "AccessDenied")
	case r.Method == http.MethodPut && there && !s.replaces:
		fail(http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		data, _ := io.ReadAll(r.Body)
		if s.damages {
			data[0] ^= 1
		}
		s.objects[r.URL.Path] = string(data)
		if !s.noSum {
			w.Header().Set("X-Amz-Checksum-Sha256", r.Header.Get("X-Amz-Checksum-Sha256"))
		}
	case !there:
		fail(http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, content)
		}
	}
}

// Nothing confirms the stored bytes: neither the store nor a read.
func TestI10_ArchiveThatConfirmsNothing(t *testing.T) {
	got := tryShop(t, &shop{noSum: true, noGet: true})
	if r := got[0]; r.Severity != Error || !strings.Contains(r.Found, "reports no SHA-256 of its own") || !strings.Contains(r.Found, "allow s3:GetObject") {
		t.Errorf("%+v", got)
	}
}

// tryShop checks the archive at s, once.
func tryShop(t *testing.T, s *shop) []Result {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	if s.objects == nil {
		s.objects = map[string]string{}
	}
	server := httptest.NewServer(s)
	defer server.Close()
	n := good(t)
	var err error
	n.cfg.Bucket, err = archive.Open(t.Context(), "s3://bucket/audit", archive.S3Config{Endpoint: server.URL, PathStyle: true})
	must(t, err)
	return slices.DeleteFunc(Run(t.Context(), n.cfg), func(r Result) bool { return !strings.HasPrefix(r.ID, "archive") })
}

func TestArchive(t *testing.T) {
	const versioned = `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`
	for _, test := range []struct {
		name     string
		shop     *shop
		id       string
		severity Severity
		found    string
	}{
		{"in order", &shop{}, "archive", OK, "cannot be replaced"},
		{"replaces", &shop{replaces: true}, "archive", Error, "does not honour If-None-Match"},
		{"may not store", &shop{noPut: true}, "archive", Error, "AccessDenied"},
		{"may not read", &shop{noGet: true}, "archive", Warning, "not read back"},
		{"no SHA-256", &shop{noSum: true}, "archive", OK, "cannot be replaced"},
		{"damages", &shop{noSum: true, damages: true}, "archive", Error, "reads back different"},
		{"versioned", &shop{settings: versioned}, "archive-versioning", OK, "Enabled"},
		{"without lock", &shop{settings: versioned}, "archive-object-lock", Info, "none"},
		{"without lifecycle", &shop{settings: versioned}, "archive-lifecycle", Info, "none"},
		{"settings are nobody's business", &shop{}, "archive-lifecycle", Info, "could not be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // the second time the object is there
				got := tryShop(t, test.shop)
				if !slices.ContainsFunc(got, func(r Result) bool {
					return r.ID == test.id && r.Severity == test.severity && strings.Contains(r.Found, test.found)
				}) {
					t.Errorf("no %s of %s with %q in %+v", test.severity, test.id, test.found, got)
				}
			}
		})
	}
}
