package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// assemble makes every archive from one file that stands for the binary.
func assemble(t *testing.T, content string) *options {
	t.Helper()
	o := &options{Out: t.TempDir(), Name: "example.org/auditsidecar", Version: "v1.2.3", Revision: "abc", Epoch: 1_700_000_000}
	work := t.TempDir()
	binary := filepath.Join(work, "binary")
	if err := os.WriteFile(binary, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var images []platformImage
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := newImage(o, arch, binary)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeDockerArchive(o, img); err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	if err := writeOCIArchive(o, work, images); err != nil {
		t.Fatal(err)
	}
	return o
}

// The same input gives the same bytes, whenever and wherever: only the binary,
// the version and the epoch may show.
func TestArchivesAreReproducible(t *testing.T) {
	a, b, other := assemble(t, "binary"), assemble(t, "binary"), assemble(t, "another binary")
	for _, file := range []string{"auditsidecar-image.tar", "auditsidecar-linux-amd64.tar", "auditsidecar-linux-arm64.tar"} {
		first, second, third := read(t, a, file), read(t, b, file), read(t, other, file)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two builds of the same input differ", file)
		}
		if bytes.Equal(first, third) {
			t.Errorf("%s: another binary made the same archive", file)
		}
	}
}

func read(t *testing.T, o *options, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(o.Out, file))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestDockerArchive(t *testing.T) {
	o := assemble(t, "binary")
	tag, err := name.NewTag("example.org/auditsidecar:v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(filepath.Join(o.Out, "auditsidecar-linux-arm64.tar"), &tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != "arm64" || config.OS != "linux" || config.Created.Unix() != o.Epoch {
		t.Errorf("platform %s/%s, created %v", config.OS, config.Architecture, config.Created)
	}
	if got := config.Config.Labels["org.opencontainers.image.revision"]; got != "abc" {
		t.Errorf("label revision %q", got)
	}
	if len(config.Config.Entrypoint) != 1 {
		t.Fatalf("entrypoint %q", config.Config.Entrypoint)
	}
	files := make(map[string]*tar.Header)
	r := mutate.Extract(img)
	defer r.Close()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != o.Epoch || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s: time %v, owner %d:%d", h.Name, h.ModTime, h.Uid, h.Gid)
		}
		files[strings.Trim(h.Name, "/")] = h
	}
	for path, mode := range map[string]int64{
		strings.TrimPrefix(config.Config.Entrypoint[0], "/"): 0o755, "etc/passwd": 0o644, "tmp": 0o1777,
		"etc/ssl/certs/ca-certificates.crt": 0o644,
	} {
		if h := files[path]; h == nil || h.Mode&0o7777 != mode {
			t.Errorf("%s: %+v, want mode %o", path, h, mode)
		}
	}
}

func TestOCIArchive(t *testing.T) {
	o := assemble(t, "binary")
	dir := t.TempDir()
	unpack(t, filepath.Join(o.Out, "auditsidecar-image.tar"), dir)
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	// Tools that copy an archive without the name of an image want one.
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations["io.containerd.image.name"] != "example.org/auditsidecar:v1.2.3" {
		t.Fatalf("index.json has %+v", manifest.Manifests)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range inner.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if got := strings.Join(platforms, " "); got != "linux/amd64 linux/arm64/v8" {
		t.Errorf("platforms %q", got)
	}
}

// unpack unpacks a tar file that has regular files and directories only.
func unpack(t *testing.T, file, dir string) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for tr := tar.NewReader(in); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = writeFile(path, tr, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(path string, r io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, r)
	return err
}

// What S3 in AWS, in Google's cloud and most others are certified by is there.
func TestCertificates(t *testing.T) {
	roots, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(roots) {
		t.Fatal("no certificate can be read back")
	}
	for _, cn := range []string{"CN=Amazon Root CA 1", "CN=Starfield Services Root Certificate Authority - G2", "CN=ISRG Root X1", "CN=GTS Root R1", "CN=DigiCert Global Root G2"} {
		if !bytes.Contains(roots, []byte(cn)) {
			t.Errorf("%s is not among the roots", cn)
		}
	}
	if n := bytes.Count(roots, []byte("BEGIN CERTIFICATE")); n < 80 {
		t.Errorf("%d root certificates, want 80 or more", n)
	}
}
