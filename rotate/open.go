package rotate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Open opens a finished segment for reading from its start; for a packed one
// (gzip) it gives the unpacked bytes, of a damaged one all that unpack before the
// error. Errors name the file. Reading a packed file that was cut short ends in an
// error that wraps io.ErrUnexpectedEOF, at once if not even its header is whole. A symbolic link, or anything else that
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

// FirstEvent returns the stageTimestamp of the first event of a finished or open
// segment, zero if its first 64 KiB have none.
func FirstEvent(path string, packed bool) (time.Time, error) {
	r, err := Open(path, packed)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the first event: %w", err)
	}
	defer r.Close()
	start, _ := io.ReadAll(io.LimitReader(r, 64<<10)) // of a damaged one as much as unpacks
	_, value, _ := bytes.Cut(start, []byte(`"stageTimestamp":"`))
	value, _, _ = bytes.Cut(value, []byte{'"'})
	at, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil {
		return time.Time{}, nil // no timestamp, no evidence
	}
	return at, nil
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

// unpacker reads the content of a gzip file: its members. Bytes behind the last
// one that do not look like the header of another are ignored, as gzip(1) does.
type unpacker struct {
	file *os.File
	in   *bufio.Reader
	gzip *gzip.Reader // of one member
	err  error        // that ended it
}

// unpack starts to read the gzip file f. On an error f stays open.
func unpack(f *os.File) (*unpacker, error) {
	in := bufio.NewReaderSize(f, 64<<10)
	z, err := gzip.NewReader(in)
	if err == nil {
		z.Multistream(false)
		return &unpacker{file: f, in: in, gzip: z}, nil
	}
	if errors.Is(err, io.EOF) { // an empty file: no header at all
		err = io.ErrUnexpectedEOF
	}
	return nil, unpackError(f.Name(), err)
}

// Read reads unpacked bytes.
func (u *unpacker) Read(p []byte) (int, error) {
	for u.err == nil {
		n, err := u.gzip.Read(p)
		if errors.Is(err, io.EOF) {
			err = u.nextMember()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			err = unpackError(u.file.Name(), err)
		}
		if u.err = err; n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, u.err
}

// nextMember begins the next member; io.EOF after the last. There may be zeros
// between two, as a tape or a disk of whole blocks leaves them.
func (u *unpacker) nextMember() error {
	for {
		b, err := u.in.ReadByte()
		if err != nil {
			return err //nolint:wrapcheck // io.EOF, or the file's error, which has its name
		}
		if b != 0 {
			_ = u.in.UnreadByte() // it was just read
			break
		}
	}
	head, err := u.in.Peek(len(memberHead))
	if err != nil && !errors.Is(err, io.EOF) {
		return err //nolint:wrapcheck // as above
	}
	if !isMember(head) {
		return io.EOF
	}
	if err := u.gzip.Reset(u.in); err != nil {
		return err //nolint:wrapcheck // the caller names the file
	}
	u.gzip.Multistream(false)
	return nil
}

// memberHead has the first bytes of a member of a gzip file.
const memberHead = "\x1f\x8b\x08"

// isMember says whether bytes behind a member are the beginning of another. One
// of its first three bytes may be damaged: lines must not be taken for bytes to
// be ignored.
func isMember(head []byte) bool {
	same := 0
	for i, b := range head {
		if b == memberHead[i] {
			same++
		}
	}
	return 2*same > len(head)
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
