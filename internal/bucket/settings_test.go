package bucket

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Each setting is the store's answer, not set, or unknown with its reason: never a guess, and the same
// text each time.
func TestSettingsOf(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("x-amz-request-id", fmt.Sprint(calls))
		q := r.URL.Query()
		switch {
		case q.Has("versioning"):
			fmt.Fprint(w, `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`)
		case q.Has("object-lock"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<Error><Code>AccessDenied</Code><RequestId>%d</RequestId></Error>`, calls)
		case q.Has("lifecycle"):
			fmt.Fprint(w, `<LifecycleConfiguration><Rule><ID>keep</ID><Status>Enabled</Status><Expiration><Days>2555</Days></Expiration></Rule></LifecycleConfiguration>`)
		case q.Has("policy"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchBucketPolicy</Code></Error>`)
		case r.URL.Path == "/bucket/p/the-key":
			w.Header().Set("x-amz-object-lock-mode", "COMPLIANCE")
			w.Header().Set("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z")
		default:
			http.Error(w, r.URL.String(), http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	b, err := archive.Open(t.Context(), "s3://bucket/p", archive.S3Config{Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []Setting{
		{Name: "versioning", Value: "Enabled"},
		{Name: "Object Lock of the bucket", Unknown: "permission"},
		{Name: "Object Lock of the-key", Value: "COMPLIANCE until 2030-01-01T00:00:00Z"},
		{Name: "lifecycle rules", Value: "[\n  {\n    \"Expiration\": {\n      \"Days\": 2555\n    },\n    \"ID\": \"keep\",\n    \"Status\": \"Enabled\"\n  }\n]"},
		{Name: "bucket policy"},
	}
	for range 2 {
		if got := SettingsOf(t.Context(), b, "the-key"); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	dir, err := archive.Open(t.Context(), t.TempDir(), archive.S3Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := SettingsOf(t.Context(), dir, "the-key"); got != nil {
		t.Errorf("of a directory: %q", got)
	}
}
