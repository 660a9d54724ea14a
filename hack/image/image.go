package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// platformImage is the image of one platform.
type platformImage struct {
	v1.Image
	platform v1.Platform
}

// newImage puts the binary into an image of one layer.
func newImage(o *options, arch, binary string) (platformImage, error) {
	content, err := layerBytes(binary, o.time())
	if err != nil {
		return platformImage{}, err
	}
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return platformImage{}, fmt.Errorf("make the layer for %s: %w", arch, err)
	}
	platform := v1.Platform{OS: "linux", Architecture: arch}
	if arch == "arm64" {
		platform.Variant = "v8"
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{
		Created: v1.Time{Time: o.time()}, CreatedBy: "hack/image", Comment: "auditsidecar " + o.Version,
	}})
	if err != nil {
		return platformImage{}, fmt.Errorf("make the image for %s: %w", arch, err)
	}
	img, err = configure(img, o, platform)
	if err != nil {
		return platformImage{}, fmt.Errorf("make the image for %s: %w", arch, err)
	}
	return platformImage{img, platform}, nil
}

// configure sets how the image runs, and its labels.
func configure(img v1.Image, o *options, platform v1.Platform) (v1.Image, error) {
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant = platform.OS, platform.Architecture, platform.Variant
	file.Created = v1.Time{Time: o.time()}
	file.Config = v1.Config{
		Entrypoint: []string{"/usr/local/bin/auditsidecar"},
		User:       "0:0",
		WorkingDir: "/",
		Env:        []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		Labels:     labels(o),
	}
	return mutate.ConfigFile(img, file)
}

// labels are OCI's pre-defined annotation keys.
func labels(o *options) map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "auditsidecar",
		"org.opencontainers.image.description": "Archives kube-apiserver's audit log as Parquet on S3 and streams it to Loki",
		"org.opencontainers.image.source":      "https://github.com/auditsidecar/auditsidecar",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     o.Version,
		"org.opencontainers.image.created":     o.time().Format(time.RFC3339),
	}
	if o.Revision != "" {
		l["org.opencontainers.image.revision"] = o.Revision
	}
	return l
}
