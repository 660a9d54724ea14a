package sidecar

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var must = audittest.Must

// put writes a file, with its directory, and returns its path.
func put(t testing.TB, path string, content []byte) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// dirBucket is the archive in a directory.
func dirBucket(t testing.TB, dir string) *archive.Bucket {
	t.Helper()
	bucket, err := archive.Open(t.Context(), "file://"+dir, archive.S3Config{})
	must(t, err)
	return bucket
}
