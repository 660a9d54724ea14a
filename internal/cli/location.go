package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// openLocation opens what a verb reads: an archive by its URL, a directory, or one
// object.
func openLocation(ctx context.Context, arg string, s3 config.Archive) (p catalog.Location, err error) {
	if s3.URL = arg; !strings.Contains(arg, "://") {
		info, err := os.Stat(arg)
		if err != nil {
			return p, fmt.Errorf("find the objects: %w", err)
		}
		if p.Path = filepath.Clean(arg); !info.IsDir() {
			p.Path, p.Key = filepath.Split(p.Path)
			p.Path = filepath.Clean(p.Path)
		}
		dir, err := filepath.Abs(p.Path)
		if err != nil {
			return p, fmt.Errorf("find the objects: %w", err)
		}
		s3 = config.Archive{URL: (&url.URL{Scheme: "file", Path: dir}).String()}
	}
	if strings.HasPrefix(s3.URL, "s3://") {
		s3.Connections = verify.Requests
	}
	if p.Bucket, err = s3.Open(ctx); err != nil {
		return p, &usageError{err}
	}
	if dir := p.Bucket.Dir(); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return p, fmt.Errorf("find the objects: %w", err)
		}
	}
	return p, nil
}

// openCatalog finds the original files behind paths and URLs.
func openCatalog(ctx context.Context, args []string, s3 config.Archive) (*catalog.Catalog, error) {
	var locations []catalog.Location
	for _, arg := range args {
		p, err := openLocation(ctx, arg, s3)
		if err != nil {
			return nil, err
		}
		locations = append(locations, p)
	}
	return catalog.Find(ctx, locations...)
}
