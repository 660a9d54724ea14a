package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/klauspost/compress/gzip"
)

// Open opens a finished segment for reading from its start; for a packed one
// (gzip) it gives the unpacked bytes. Errors name the file. Reading a packed
// file that was cut short ends in an error that wraps io.ErrUnexpectedEOF, at
// once if not even its header is whole. A symbolic link, or anything else that
// is no regular file, is an error.
func Open(path string, packed bool) (io.ReadCloser, error) {
	f, err := openPlain(path)
	if err != nil {
		return nil, err
	}
	if !packed {
		return f, nil
	}
	u, err := unpack(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return u, nil
}

// openPlain opens path for reading.
func openPlain(path string) (*os.File, error) {
	// A pipe that has taken the name must not be waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("open audit log: %w: run as root, or let this user's group read it "+
			"(chgrp and chmod 0640 on the open file: kube-apiserver keeps group and mode at rotation)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is a %s, not a regular file", path, kind(info.Mode()))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open audit log: %w", err), f.Close())
	}
	return f, nil
}

// unpacker reads the content of a gzip file.
type unpacker struct {
	file *os.File
	gzip *gzip.Reader
}

// unpack starts to read the gzip file f. On an error f stays open.
func unpack(f *os.File) (*unpacker, error) {
	z, err := gzip.NewReader(f)
	if err == nil {
		return &unpacker{file: f, gzip: z}, nil
	}
	if errors.Is(err, io.EOF) { // an empty file: no header at all
		err = io.ErrUnexpectedEOF
	}
	return nil, unpackError(f.Name(), err)
}

// Read reads unpacked bytes.
func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.gzip.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unpackError(u.file.Name(), err)
	}
	return n, err
}

// Close closes the file.
func (u *unpacker) Close() error {
	return errors.Join(u.gzip.Close(), u.file.Close())
}

// unpackError names the file in an error of the unpacker. Errors of the file
// itself, which a later attempt may not meet, have its name already.
func unpackError(path string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("unpack audit log: %w", err)
	}
	return &damage{path: path, err: err}
}

// damage says that the content of a gzip file is broken: trying again is vain.
type damage struct {
	path string
	err  error
}

func (d *damage) Error() string { return fmt.Sprintf("unpack %s: %v", d.path, d.err) }

func (d *damage) Unwrap() error { return d.err }
