//go:build e2e

package run

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// onS3 points the fixture at a prefix of a bucket of the real server, path style.
func (r *fixture) onS3(s *s3server.Server, bucket string) {
	r.url = "s3://" + bucket + "/audit-logs"
	r.args = []string{"--s3-endpoint", s.Endpoint, "--s3-region", s.Region, "--s3-path-style"}
	r.env = []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey}
}

// waitFailures waits until the loops failed n times.
func (r *fixture) waitFailures(p *sidecar.Process, n int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), catchUp)
	defer cancel()
	const name = "auditsidecar_loop_failures_total"
	if _, err := p.WaitMetrics(ctx, func(m map[string]float64) bool { return int(m[name]) >= n }, name); err != nil {
		r.t.Fatal(err)
	}
}

func TestS3RotationWhileStreaming(t *testing.T) {
	s := s3server.Start(t)
	r := newFixture(t, audittest.Config{})
	r.onS3(s, s.Bucket)
	full(t, r)
}

// Objects that are there already are found again, not written twice, after a
// kill at any moment.
func TestI5_S3KillInTheMiddle(t *testing.T) {
	s := s3server.Start(t)
	r := newFixture(t, audittest.Config{})
	r.onS3(s, s.Bucket)
	r.serve()
	p := r.start()
	for range 4 {
		r.replay(2000, linesPerSecond, 100*time.Millisecond)
		p.Kill()
		p = r.start()
	}
	r.waitLoki()
	r.stop(p)
	r.once()
	r.checkLoki()
	r.checkArchive()
}

// A bucket that does not exist, or that the key may not write to: not ready,
// the name in the text, nothing lost, and Loki as ever.
func TestI8_S3Mistakes(t *testing.T) {
	s := s3server.Start(t)
	for _, test := range []struct {
		name, bucket, secret string
		says                 string
	}{
		{"wrong bucket", "no-such-bucket", s.SecretKey, `create bucket "no-such-bucket"`},
		{"wrong secret", s.Bucket, "not-the-secret", "credentials"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newFixture(t, audittest.Config{MaxBackups: 1})
			wrong := *s
			wrong.SecretKey = test.secret
			r.onS3(&wrong, test.bucket)
			r.serve()
			p := r.start()
			r.replay(2000, linesPerSecond, 150*time.Millisecond)
			r.waitReady(p, false, test.says)
			r.waitLoki()
			r.waitFailures(p, 3)
			if n := strings.Count(p.Log(), "stopped until a person changes something"); n != 1 {
				t.Errorf("the one condition is logged %d times", n)
			}
			r.stop(p)
			r.onS3(s, s.Bucket)
			r.url += "/" + test.bucket // an archive of this case's own
			r.once()
			r.checkArchive()
		})
	}
}

// S3 is unavailable for a while, and kube-apiserver prunes: Loki continues, and the
// archive is complete when S3 is back.
func TestI8_S3UnavailableWhilePruning(t *testing.T) {
	s := s3server.Start(t)
	r := newFixture(t, audittest.Config{MaxBackups: 1})
	r.onS3(s, s.Bucket)
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	s.Stop(t)
	r.replay(8000, linesPerSecond, 250*time.Millisecond)
	r.waitReady(p, false, "archive")
	r.waitLoki()
	s.Resume(t)
	r.waitArchived(p, len(r.finished()))
	r.waitReady(p, true)
	r.stop(p)
	r.checkLoki()
	r.checkArchive()
}
