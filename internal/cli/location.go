package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// openLocation opens the input of a verb: an archive by its URL, a directory, or one
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

// openCatalog finds the original files behind paths and URLs. Locations without any
// record are reported.
func openCatalog(ctx context.Context, args []string, s3 config.Archive, unrecorded bool, report io.Writer) (*catalog.Catalog, error) {
	var locations []catalog.Location
	for _, arg := range args {
		p, err := openLocation(ctx, arg, s3)
		if err != nil {
			return nil, err
		}
		locations = append(locations, p)
	}
	c, err := catalog.Find(ctx, locations...)
	if err != nil {
		return nil, err
	}
	c.Unrecorded = unrecorded
	for _, name := range c.Bare() {
		if _, err := fmt.Fprintf(report, "note: %s has no records: nothing vouches for its lines\n", name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// registerUnrecorded registers the flag of the verbs that restore.
func registerUnrecorded(flags *pflag.FlagSet, unrecorded *bool) {
	flags.BoolVar(unrecorded, "unrecorded", false, "include objects that no record names")
}
