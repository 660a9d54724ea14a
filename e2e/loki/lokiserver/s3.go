package lokiserver

import (
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
)

// StartS3 starts a Loki with the shipped configuration for S3, over a real S3
// server (versitygw) with an empty bucket, and returns the bucket's directory
// as well.
func StartS3(tb testing.TB) (loki *Server, bucket string) {
	tb.Helper()
	store := s3server.Start(tb)
	return Start(tb, Config{
		File: "manifests/loki/loki-s3.yaml",
		Args: []string{
			"-common.storage.s3.endpoint=" + store.Endpoint, "-common.storage.s3.force-path-style=true",
			"-common.storage.s3.region=" + store.Region, "-common.storage.s3.buckets=" + store.Bucket,
		},
		Env: store.Env(),
	}), filepath.Join(store.Dir, store.Bucket)
}
