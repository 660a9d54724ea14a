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
	"github.com/auditsidecar/auditsidecar/internal/audittest"
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
	users    string           // where users are, beside the one above
	process  *process.Process // nil while stopped
}

func tool() builds.Tool {
	return builds.Tool{Module: "e2e/s3/versitygw", Package: "github.com/versity/versitygw/cmd/versitygw", Name: "versitygw"}
}

// Start starts a server that ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := Run(tb.Context(), tb.TempDir(), rand.Text(), tb.Logf)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.end(tb) })
	return s
}

// Run starts a server over a directory, which may have the data of an earlier one. The
// server ends with this process.
func Run(ctx context.Context, dir, secret string, printf func(format string, args ...any)) (*Server, error) {
	binary, err := tool().Find(ctx, printf)
	if err != nil {
		return nil, err
	}
	address, err := audittest.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Endpoint: "http://" + address, AccessKey: "e2e-access", SecretKey: secret, Region: "eu-central-1", Bucket: "audit",
		Dir: filepath.Join(dir, "data"), binary: binary, log: filepath.Join(dir, "server.log"),
		versions: filepath.Join(dir, "versions"), users: filepath.Join(dir, "users"),
	}
	for _, dir := range []string{s.Dir, s.versions, s.users} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("start the S3 server: %w", err)
		}
	}
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(s.Dir, s.Bucket)); err == nil {
		return s, nil
	}
	return s, s.newBucket(ctx, &s3.CreateBucketInput{Bucket: &s.Bucket})
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

// Restart starts the server again after its end, at the same address with the same data.
func (s *Server) Restart(ctx context.Context) error { return s.resume(ctx) }

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// PID is the number of the process.
func (s *Server) PID() int { return s.process.PID() }

// Kill ends the server.
func (s *Server) Kill() { s.process.Kill() }

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
	if err := s.resume(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) resume(ctx context.Context) error {
	cmd := exec.Command(s.binary, "--port", strings.TrimPrefix(s.Endpoint, "http://"), "--region", s.Region, "--iam-dir", s.users, "posix", "--versioning-dir", s.versions, s.Dir)
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey, "HOME=" + filepath.Dir(s.Dir), "PATH=" + os.Getenv("PATH")}
	p, err := process.Start("the S3 server", cmd, s.log)
	if err != nil {
		return err
	}
	s.process = p
	return p.Wait(ctx, 5*time.Minute, s.answers)
}

// answers is nil where the server answers at all: without credentials it is 403.
func (s *Server) answers(ctx context.Context) error {
	_, _, err := process.Get(ctx, http.DefaultClient, s.Endpoint)
	return err
}

// NewBucket makes a further bucket.
func (s *Server) NewBucket(tb testing.TB, name string) {
	tb.Helper()
	s.mustBucket(tb, &s3.CreateBucketInput{Bucket: &name})
}

// NewLockBucket makes a bucket with versions and Object Lock.
func (s *Server) NewLockBucket(tb testing.TB, name string) {
	tb.Helper()
	s.mustBucket(tb, &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)})
}

func (s *Server) mustBucket(tb testing.TB, in *s3.CreateBucketInput) {
	tb.Helper()
	if err := s.newBucket(tb.Context(), in); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) newBucket(ctx context.Context, in *s3.CreateBucketInput) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if _, err := s.Client().CreateBucket(ctx, in); err != nil {
		return fmt.Errorf("create bucket %s: %w", *in.Bucket, err)
	}
	return nil
}

// NewUser makes a user with a secret of its own, who may do what the policies of buckets allow.
func (s *Server) NewUser(tb testing.TB, name string) (secret string) {
	tb.Helper()
	secret = rand.Text()
	cmd := exec.CommandContext(tb.Context(), s.binary, "admin", "--endpoint-url", s.Endpoint, "--region", s.Region, "--access", s.AccessKey, "--secret", s.SecretKey,
		"create-user", "--access", name, "--secret", secret, "--role", "user")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("make the user %s: %v\n%s", name, err, out)
	}
	return secret
}

// SetPolicy sets the policy of a bucket.
func (s *Server) SetPolicy(tb testing.TB, bucket, policy string) {
	tb.Helper()
	if _, err := s.Client().PutBucketPolicy(tb.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}); err != nil {
		tb.Fatalf("set the policy of bucket %s: %v", bucket, err)
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
