package archive_test

import (
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/archive/archivetest"
)

func TestConformanceOfDirectories(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) *archive.Bucket {
		dir := filepath.Join(t.TempDir(), "not", "yet there")
		b, err := archive.Open(t.Context(), "file://"+dir, archive.S3Config{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
