package lokiserver

import (
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
)

// StartS3 starts a Loki with the shipped configuration for S3, over a real S3
// server (versitygw) with an empty bucket.
func StartS3(tb testing.TB) *Server {
	tb.Helper()
	store := s3server.Start(tb)
	return Start(tb, Config{
		File: "manifests/loki/loki-s3.yaml",
		Args: []string{
			"-common.storage.s3.endpoint=" + store.Endpoint, "-common.storage.s3.force-path-style=true",
			"-common.storage.s3.region=" + store.Region, "-common.storage.s3.buckets=" + store.Bucket,
		},
		Env: store.Env(),
	})
}
