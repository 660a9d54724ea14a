package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
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
		s.objects[r.URL.Path] = string(data)
		w.Header().Set("X-Amz-Checksum-Sha256", r.Header.Get("X-Amz-Checksum-Sha256"))
	case !there:
		fail(http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, content)
		}
	}
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
		{"may not read", &shop{noGet: true}, "archive", Warning, "not compared"},
		{"versioned", &shop{settings: versioned}, "archive-versioning", OK, "Enabled"},
		{"without lock", &shop{settings: versioned}, "archive-object-lock", Info, "none"},
		{"without lifecycle", &shop{settings: versioned}, "archive-lifecycle", Info, "none"},
		{"settings are nobody's business", &shop{}, "archive-lifecycle", Info, "could not be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "a")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
			test.shop.objects = map[string]string{}
			server := httptest.NewServer(test.shop)
			t.Cleanup(server.Close)
			n := good(t)
			var err error
			n.cfg.Bucket, err = archive.Open(t.Context(), "s3://bucket/audit", archive.S3Config{Endpoint: server.URL, PathStyle: true})
			must(t, err)
			for range 2 { // the second time the object is there
				found := false
				for _, r := range checkArchive(t.Context(), &n.cfg) {
					found = found || r.ID == test.id && r.Severity == test.severity && strings.Contains(r.Found, test.found)
				}
				if !found {
					t.Errorf("no %s of %s with %q in %+v", test.severity, test.id, test.found, checkArchive(t.Context(), &n.cfg))
				}
			}
		})
	}
}
