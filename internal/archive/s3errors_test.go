package archive_test

import (
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestAnswersOfTheStore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status        int
		code, message string
		header        string // of x-amz-bucket-region
		reason        archive.Reason
		permanent     bool
		text          string
		readReason    archive.Reason // for Stat, whose answers have no body; "" if the same
	}{
		{status: 404, code: "NoSuchBucket", message: "no", reason: archive.ReasonBucket, permanent: true, text: `create bucket "bucket"`, readReason: archive.ReasonNotFound},
		{status: 403, code: "AccessDenied", message: "Access Denied", reason: archive.ReasonPermission, permanent: true, text: "allow s3:PutObject"},
		{status: 401, code: "Unauthorized", message: "", reason: archive.ReasonPermission, permanent: true, text: "s3:PutObject"},
		{status: 403, code: "InvalidAccessKeyId", message: "x", reason: archive.ReasonCredentials, permanent: true, text: "refuses these credentials", readReason: archive.ReasonPermission},
		{status: 403, code: "SignatureDoesNotMatch", message: "x", reason: archive.ReasonCredentials, permanent: true, text: "secret", readReason: archive.ReasonPermission},
		{status: 400, code: "ExpiredToken", message: "x", reason: archive.ReasonCredentials, permanent: true, text: "session token", readReason: archive.ReasonOther},
		{status: 403, code: "RequestTimeTooSkewed", message: "x", reason: archive.ReasonClock, permanent: true, text: "clock", readReason: archive.ReasonPermission},
		{status: 301, code: "PermanentRedirect", message: "x", header: "eu-west-3", reason: archive.ReasonRegion, permanent: true, text: "--s3-region=eu-west-3"},
		{status: 301, code: "PermanentRedirect", message: "x", reason: archive.ReasonRegion, permanent: true, text: "--s3-region"},
		{status: 400, code: "AuthorizationHeaderMalformed", message: "the region 'us-east-1' is wrong; expecting 'eu-north-1'", reason: archive.ReasonRegion, permanent: true, text: "--s3-region=eu-north-1", readReason: archive.ReasonOther},
		{status: 400, code: "AuthorizationHeaderMalformed", message: `the region "us-east-1" is wrong; expecting "eu-south-2"`, reason: archive.ReasonRegion, permanent: true, text: "--s3-region=eu-south-2", readReason: archive.ReasonOther},
		{status: 404, code: "XAdminUserNotFound", message: "x", reason: archive.ReasonCredentials, permanent: true, text: "refuses these credentials", readReason: archive.ReasonNotFound},
		{status: 404, code: "SomethingElse", message: "x", reason: archive.ReasonOther, text: "SomethingElse", readReason: archive.ReasonNotFound},
		{status: 400, code: "KMS.NotFoundException", message: "x", reason: archive.ReasonKey, permanent: true, text: "--s3-kms-key-id", readReason: archive.ReasonOther},
		{status: 400, code: "EntityTooLarge", message: "x", reason: archive.ReasonTooLarge, permanent: true, text: "--audit-log-maxsize", readReason: archive.ReasonOther},
		{status: 501, code: "NotImplemented", message: "x", reason: archive.ReasonUnsupported, permanent: true, text: "If-None-Match"},
		{status: 429, code: "TooManyRequests", message: "x", reason: archive.ReasonThrottled},
		{status: 503, code: "SlowDown", message: "x", reason: archive.ReasonThrottled, readReason: archive.ReasonServer},
		{status: 500, code: "InternalError", message: "x", reason: archive.ReasonServer},
		{status: 507, code: "XMinioStorageFull", message: "x", reason: archive.ReasonFull, text: "free space"},
		{status: 418, code: "Teapot", message: "short and stout", reason: archive.ReasonOther, text: "Teapot: short and stout (HTTP 418, request REQ1)"},
	} {
		t.Run(tt.code+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			b, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if tt.header != "" {
					w.Header().Set("x-amz-bucket-region", tt.header)
				}
				fakeError(w, r, tt.status, tt.code, tt.message)
			})
			err := put(t, b, "k", []byte("x"))
			wantReason(t, err, tt.reason, tt.permanent, tt.text, "store s3://bucket/k: ", "(HTTP ")
			if tt.readReason == "" {
				tt.readReason = tt.reason
			}
			_, err = b.Stat(t.Context(), "k")
			if got := archive.ReasonOf(err); got != tt.readReason {
				t.Errorf("Stat: reason %q, want %q: %v", got, tt.readReason, err)
			}
			if (tt.readReason == archive.ReasonNotFound) != errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat: errors.Is(%v, fs.ErrNotExist) is wrong", err)
			}
		})
	}
}

// answering returns an archive at a server with one answer, and the server.
func answering(t *testing.T, answer http.HandlerFunc) (*archive.Bucket, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	b, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{Endpoint: s.URL, PathStyle: true, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

// TestMain hides this machine's AWS settings and gives credentials that need no
// network.
func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Unsetenv(name); err != nil {
			os.Exit(1)
		}
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE":           "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
	} {
		if err := os.Setenv(name, value); err != nil {
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	n := 0
	b, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		fakeError(w, r, http.StatusServiceUnavailable, "ServiceUnavailable", "x")
	})
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonServer, false)
	if n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	b, s := answering(t, func(http.ResponseWriter, *http.Request) {})
	s.Close()
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonUnreachable, false, "connection refused", "127.0.0.1")
	for _, err := range b.List(t.Context(), "") {
		wantReason(t, err, archive.ReasonUnreachable, false, "list s3://bucket: ")
	}
}

func TestPlainServerForTLS(t *testing.T) {
	t.Parallel()
	_, s := answering(t, func(http.ResponseWriter, *http.Request) {})
	b, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{Endpoint: strings.Replace(s.URL, "http:", "https:", 1), PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonTLS, true, "http:// in --s3-endpoint")
}

func TestNoCredentials(t *testing.T) {
	f := newFakeS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	err := put(t, f.open(t, archive.S3Config{}), "k", []byte("x"))
	wantReason(t, err, archive.ReasonCredentials, true, "AWS_ACCESS_KEY_ID", "AWS_SHARED_CREDENTIALS_FILE", "instance profile")
	if len(f.requests) != 0 {
		t.Errorf("%d requests without credentials", len(f.requests))
	}
}

// TestMetadataServiceThatHangs is a machine without an instance profile whose
// network swallows requests to the metadata service.
func TestMetadataServiceThatHangs(t *testing.T) {
	f := newFakeS3(t)
	release := make(chan struct{})
	var asked atomic.Int32
	imds := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(imds.Close)
	t.Cleanup(func() { close(release) })
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.URL)
	b := f.open(t, archive.S3Config{})
	if n := asked.Load(); n != 0 {
		t.Errorf("Open made %d requests to the metadata service", n)
	}
	// The service never answers, but the search for credentials ends.
	wantReason(t, put(t, b, "k", []byte("x")), archive.ReasonCredentials, true)
	if asked.Load() == 0 {
		t.Error("the metadata service was not asked")
	}
}

func TestRegionIsNeeded(t *testing.T) {
	_, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{})
	if err == nil || !strings.Contains(err.Error(), "--s3-region") {
		t.Errorf("Open = %v", err)
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	if _, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{}); err != nil {
		t.Error(err)
	}
}

func TestBadCAFile(t *testing.T) {
	t.Parallel()
	notPEM := filepath.Join(t.TempDir(), "ca")
	if err := os.WriteFile(notPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{notPEM, notPEM + ".missing"} {
		_, err := archive.Open(t.Context(), "s3://bucket", archive.S3Config{Region: "r", CAFile: file})
		if err == nil || !strings.Contains(err.Error(), "--s3-ca-file") || !strings.Contains(err.Error(), file) {
			t.Errorf("CAFile %s: %v", file, err)
		}
	}
}
