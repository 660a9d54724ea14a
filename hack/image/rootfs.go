package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
)

// The users in the image. root is the default: as a static pod on a kubeadm
// node the sidecar reads files that kube-apiserver wrote as root with mode 0600, with
// all capabilities dropped. 65532 is called nonroot by distroless images.
const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
	group  = "root:x:0:\nnonroot:x:65532:\n"
)

// entry is one file or (content nil) directory of the image.
type entry struct {
	name    string // no leading slash; a directory ends in one
	mode    int64
	content []byte
}

// rootfs writes the one layer of the image as an uncompressed tar stream, in
// a fixed order, owned by root, every time stamp being at.
func rootfs(w io.Writer, binary string, at time.Time) error {
	executable, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read the binary: %w", err)
	}
	roots, err := certificates()
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, e := range []entry{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte(group)},
		{"etc/passwd", 0o644, []byte(passwd)},
		{"etc/ssl/", 0o755, nil},
		{"etc/ssl/certs/", 0o755, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, roots},
		{"tmp/", 0o1777, nil},
		{"usr/", 0o755, nil},
		{"usr/local/", 0o755, nil},
		{"usr/local/bin/", 0o755, nil},
		{"usr/local/bin/auditsidecar", 0o755, executable},
	} {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: at, Format: tar.FormatUSTAR}
		if e.content == nil {
			h.Typeflag = tar.TypeDir
		}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("write %s: %w", e.name, err)
		}
		if _, err := tw.Write(e.content); err != nil {
			return fmt.Errorf("write %s: %w", e.name, err)
		}
	}
	return tw.Close()
}

// layerBytes returns the tar stream of rootfs.
func layerBytes(binary string, at time.Time) ([]byte, error) {
	var buf bytes.Buffer
	err := rootfs(&buf, binary, at)
	return buf.Bytes(), err
}
