// Package s3server starts a real S3 server (versitygw over a temporary
// directory) for end-to-end tests. It listens on loopback, speaks plain HTTP and
// wants path style. The first use builds it into .cache, which needs the Go
// module proxy and a minute or two.
package s3server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/process"
)

// Server is a running S3 server with one bucket in it.
type Server struct {
	Endpoint  string // http://127.0.0.1:port
	AccessKey string
	SecretKey string
	Region    string
	Bucket    string
	Dir       string // where the buckets are directories and the objects files

	binary   string
	log      string
	versions string           // where older versions are, of buckets that have them
	process  *process.Process // nil while stopped
}

func tool() builds.Tool {
	return builds.Tool{Module: "e2e/s3/versitygw", Package: "github.com/versity/versitygw/cmd/versitygw", Name: "versitygw"}
}

// Start starts a server that ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	work := tb.TempDir()
	s := &Server{
		AccessKey: "e2e-access", SecretKey: rand.Text(), Region: "eu-central-1", Bucket: "audit",
		Dir: filepath.Join(work, "data"), binary: tool().Path(tb), log: filepath.Join(work, "server.log"),
		versions: filepath.Join(work, "versions"),
	}
	for _, dir := range []string{s.Dir, s.versions} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	s.Endpoint = "http://" + process.FreeAddress(tb)
	s.Resume(tb)
	tb.Cleanup(func() { s.end(tb) })
	s.NewBucket(tb, s.Bucket)
	return s
}

// Stop kills the server, as an outage does. Its data stay.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if s.process == nil {
		tb.Fatal("the S3 server is not running")
	}
	s.process.Kill()
	s.process = nil
}

func (s *Server) end(tb testing.TB) {
	tb.Helper()
	if s.process != nil {
		s.Stop(tb)
	}
	if tb.Failed() {
		tb.Logf("log of the S3 server:\n%s", process.Tail(s.log))
	}
}

// Resume starts the server again, at the same endpoint with the same data, and
// waits until it answers.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	cmd := exec.Command(s.binary, "--port", strings.TrimPrefix(s.Endpoint, "http://"), "--region", s.Region, "posix", "--versioning-dir", s.versions, s.Dir)
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey, "HOME=" + filepath.Dir(s.Dir), "PATH=" + os.Getenv("PATH")}
	p, err := process.Start("the S3 server", cmd, s.log)
	if err != nil {
		tb.Fatal(err)
	}
	s.process = p
	if err := p.Wait(tb.Context(), 5*time.Minute, s.answers); err != nil {
		tb.Fatal(err)
	}
}

// answers is nil where the server answers at all: without credentials it is 403.
func (s *Server) answers(ctx context.Context) error {
	_, _, err := process.Get(ctx, http.DefaultClient, s.Endpoint)
	return err
}

// NewBucket makes a further bucket.
func (s *Server) NewBucket(tb testing.TB, name string) {
	tb.Helper()
	s.newBucket(tb, &s3.CreateBucketInput{Bucket: &name})
}

// NewLockBucket makes a bucket with versions and Object Lock.
func (s *Server) NewLockBucket(tb testing.TB, name string) {
	tb.Helper()
	s.newBucket(tb, &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)})
}

func (s *Server) newBucket(tb testing.TB, in *s3.CreateBucketInput) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Minute)
	defer cancel()
	if _, err := s.Client().CreateBucket(ctx, in); err != nil {
		tb.Fatalf("create bucket %s: %v", *in.Bucket, err)
	}
}

// Client returns a client of the SDK, for looking at the server past the code
// under test.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: s.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
}

// Env returns the AWS_* settings ("name=value") with which a process reaches the
// server, and which hide those of this machine. Endpoint and path style are
// flags of auditsidecar.
func (s *Server) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		"AWS_REGION=" + s.Region,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/nonexistent",
		"AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
	}
}

// URL returns the archive URL for a prefix in the first bucket.
func (s *Server) URL(prefix string) string { return fmt.Sprintf("s3://%s/%s", s.Bucket, prefix) }
