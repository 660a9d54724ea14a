package archive_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/archive/archivetest"
)

func TestConformanceOfDirectories(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archivetest.Store {
		dir := filepath.Join(t.TempDir(), "not", "yet there")
		b, err := archive.Open(t.Context(), "file://"+dir, archive.S3Config{})
		if err != nil {
			t.Fatal(err)
		}
		return archivetest.Store{Bucket: b, Damage: func(key string, content []byte) {
			if err := os.WriteFile(filepath.Join(dir, key), content, 0o600); err != nil {
				t.Error(err)
			}
		}}
	})
}
