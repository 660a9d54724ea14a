package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// versioned is a bucket that answers with a state of versioning and a list of versions.
func versioned(t *testing.T, status, list string) *archive.Bucket {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case q.Has("versioning"):
			fmt.Fprintf(w, `<VersioningConfiguration>%s</VersioningConfiguration>`, status)
		case q.Has("versions") && list == "":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
		case q.Has("versions"):
			fmt.Fprintf(w, `<ListVersionsResult><IsTruncated>false</IsTruncated>%s</ListVersionsResult>`, list)
		default:
			fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`)
		}
	}))
	t.Cleanup(server.Close)
	b, err := archive.Open(t.Context(), "s3://bucket/some/prefix", archive.S3Config{Endpoint: server.URL, Region: "us-east-1", PathStyle: true})
	must(t, err)
	return b
}

func version(element, key, id string, latest bool, at time.Time) string {
	return fmt.Sprintf("<%s><Key>some/prefix/%s</Key><VersionId>%s</VersionId><IsLatest>%v</IsLatest><Size>7</Size><LastModified>%s</LastModified></%s>",
		element, key, id, latest, at.Format(time.RFC3339), element)
}

// Hidden versions and delete markers are findings that name key and version, but for
// objects that the lifecycle deletes.
func TestVersions(t *testing.T) {
	record := archive.RecordKey("prod", "cp1", 1, 4, epochA, 4)
	open := archive.OpenKey("prod", "2026-11-22", "cp1", epochA, 5, 0, 10)
	data := archive.DataKey("prod", "2026-11-22", "2026-11-22T12-00-00.000", "cp1", epochA, 7)
	list := version("Version", record, "v2", true, noon) + version("Version", record, "v1", false, noon) +
		version("DeleteMarker", record+"x", "v3", true, noon) +
		version("DeleteMarker", open, "v4", true, noon.AddDate(0, 0, archive.DefaultOpenDays)) +
		version("Version", open, "v5", false, noon.AddDate(0, 0, 1)) + version("Version", open, "v6", false, noon) +
		version("DeleteMarker", data, "v7", true, noon.AddDate(0, 0, 29)) + version("Version", data, "v8", false, noon)
	v := &verification{archive: versioned(t, "<Status>Suspended</Status>", list), found: findings{report: newReport(Options{})}}
	must(t, checkVersions(t.Context(), v))
	r := &v.found.report
	if got := kinds(r); got != "version_deleted, version_deleted 7, version_hidden 4, version_hidden 5, version_hidden 7" {
		t.Errorf("found %s", got)
	}
	page := text(t, r)
	for _, want := range []string{record, "version v1 of", record + "x", "version v3", "2 hidden versions", "Suspended"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
	for expire, want := range map[uint]string{29: "version_deleted, version_hidden 4, version_hidden 5", 31: kinds(r)} {
		v = &verification{archive: v.archive, opt: Options{ExpireDays: expire}, found: findings{report: newReport(Options{})}}
		must(t, checkVersions(t.Context(), v))
		if got := kinds(&v.found.report); got != want {
			t.Errorf("data expire after %d days: found %s, want %s", expire, got, want)
		}
	}
	v = &verification{archive: v.archive, opt: Options{Node: "cp2"}, found: findings{report: newReport(Options{})}}
	must(t, checkVersions(t.Context(), v))
	if got := kinds(&v.found.report); got != "" {
		t.Errorf("of another node: found %s", got)
	}
}

// An archive without versions is an error, and one that may not be listed.
func TestNoVersions(t *testing.T) {
	s := newSite(t, epochA)
	s.file(s.log(3))
	for name, c := range map[string]struct {
		bucket *archive.Bucket
		want   error
	}{
		"a directory":        {s.bucket(), ErrNoVersions},
		"never enabled":      {versioned(t, "", "x"), ErrNoVersions},
		"may not be listed":  {versioned(t, "<Status>Enabled</Status>", ""), nil},
		"no credentials, so": {versioned(t, "<Status>", ""), nil}, // not an answer
	} {
		_, err := Run(context.WithoutCancel(t.Context()), c.bucket, Options{Versions: true, Now: s.now})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && !strings.Contains(err.Error(), "s3:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
