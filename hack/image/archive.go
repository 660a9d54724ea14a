package main

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// writeDockerArchive writes the image of one platform in the form of `docker save`.
func writeDockerArchive(o *options, img platformImage) error {
	tag, err := name.NewTag(o.Name + ":" + o.Version)
	if err != nil {
		return fmt.Errorf("name the image: %w", err)
	}
	path := filepath.Join(o.Out, "auditsidecar-linux-"+img.platform.Architecture+".tar")
	if err := tarball.WriteToFile(path, tag, img.Image); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeOCIArchive writes all platforms as one tar file with an OCI image layout.
func writeOCIArchive(o *options, work string, images []platformImage) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, img := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img.Image, Descriptor: v1.Descriptor{Platform: &img.platform},
		})
	}
	annotated, ok := mutate.Annotations(index, labels(o)).(v1.ImageIndex)
	if !ok {
		return fmt.Errorf("annotate the index: it is no index any more")
	}
	dir := filepath.Join(work, "layout")
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the image layout: %w", err)
	}
	// The first name is containerd's, the second that of the OCI specification.
	names := map[string]string{
		"io.containerd.image.name":          o.Name + ":" + o.Version,
		"org.opencontainers.image.ref.name": o.Version,
	}
	if err := l.AppendIndex(annotated, layout.WithAnnotations(names)); err != nil {
		return fmt.Errorf("write the image layout: %w", err)
	}
	return tarDirectory(o, dir, filepath.Join(o.Out, "auditsidecar-image.tar"))
}

// tarDirectory packs dir into a tar file: names in order, root's, one time stamp.
func tarDirectory(o *options, dir, path string) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if closed := out.Close(); err == nil && closed != nil {
			err = fmt.Errorf("write %s: %w", path, closed)
		}
	}()
	tw := tar.NewWriter(out)
	if err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		return addFile(tw, o, dir, file, e)
	}); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func addFile(tw *tar.Writer, o *options, dir, file string, e fs.DirEntry) error {
	relative, err := filepath.Rel(dir, file)
	if err != nil {
		return err
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(relative), Mode: 0o644, Size: info.Size(), ModTime: o.time(), Format: tar.FormatUSTAR}
	if e.IsDir() {
		h.Typeflag, h.Mode, h.Size, h.Name = tar.TypeDir, 0o755, 0, h.Name+"/"
	}
	if err := tw.WriteHeader(h); err != nil || e.IsDir() {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(tw, in)
	return err
}
