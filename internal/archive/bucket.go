package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// Bucket is an archive: a directory, or a prefix in an S3 bucket. It is safe for
// concurrent use and needs no closing.
type Bucket struct {
	store store
	base  string // URL without a slash at its end
	// unproven says that the store's own SHA-256 does not count: it answered a
	// PUT without one, or a read contradicted it. It is never reset.
	unproven atomic.Bool
	stored   atomic.Int64 // objects that the store answered for with a SHA-256
}

// The first sampledFirst objects that a process stores are read back whatever the
// store answers, and one in sampledEvery from then on: an answer may only repeat the
// SHA-256 that was sent.
const (
	sampledFirst = 8
	sampledEvery = 64
)

// store is one kind of archive. Keys are valid and relative to the archive; the
// errors are of type *Error, without URL, Key and Op.
type store interface {
	// put returns the SHA-256 that the store computed of the object, nil if it
	// does not report one. It fails with reasonExists if the key is taken,
	// of any content.
	put(ctx context.Context, key string, body *io.SectionReader, sum [sha256.Size]byte) ([]byte, error)
	// list calls yield in the order of the keys until it returns false, but only for
	// keys that are after seek of them.
	list(ctx context.Context, prefix string, seek func(key string) string, yield func(Info) bool) error
	// copyTo writes size bytes of the object from offset from on to w, or all if size is
	// 0, and returns how many it wrote.
	copyTo(ctx context.Context, key string, from, size int64, w io.Writer) (int64, error)
	// get describes the object, with SHA256 nil where the store does not know it,
	// and returns its content too, as a file of the caller's, if that is wanted.
	get(ctx context.Context, key string, content bool) (Info, *os.File, error)
}

// Info describes a stored object.
type Info struct {
	Key      string    // relative to the archive URL
	Size     int64     // bytes
	Modified time.Time // by the store's clock
	SHA256   []byte    // of the content, computed by the store; nil if it reports none, or if it cannot be trusted (always from List)
}

// Open returns the archive at rawURL: a directory (file:// is optional) or s3://bucket/prefix.
// It validates URL and settings, all mistakes in one error, but does not contact
// the store: an archive that is down must not keep the caller from starting.
func Open(ctx context.Context, rawURL string, cfg S3Config) (*Bucket, error) {
	loc, err := parseURL(rawURL, cfg)
	if err != nil {
		return nil, err
	}
	if loc.dir != "" {
		u := url.URL{Scheme: "file", Path: loc.dir}
		return &Bucket{store: &dirStore{fs: durable.OS(), root: loc.dir}, base: u.String()}, nil
	}
	s, err := newS3Store(ctx, loc, cfg)
	if err != nil {
		return nil, err
	}
	base := "s3://" + loc.bucket
	if loc.prefix != "" {
		base += "/" + loc.prefix
	}
	return &Bucket{store: s, base: base}, nil
}

// URL returns the address of the object key, or of the archive for "".
func (b *Bucket) URL(key string) string {
	if key == "" {
		return b.base
	}
	return b.base + "/" + key
}

// Dir returns the directory of a file:// archive, empty for any other.
func (b *Bucket) Dir() string {
	if d, ok := b.store.(*dirStore); ok {
		return d.root
	}
	return ""
}

// S3 is the bucket of an archive, for those who look at its settings.
type S3 struct {
	Client *s3.Client
	Bucket string
	Prefix string // without slashes at its ends
	s      *s3Store
}

// InS3 returns the bucket of an s3:// archive; false for a directory.
func (b *Bucket) InS3() (S3, bool) {
	s, ok := b.store.(*s3Store)
	if !ok {
		return S3{}, false
	}
	return S3{Client: s.client, Bucket: s.bucket, Prefix: strings.TrimSuffix(s.prefix, "/"), s: s}, true
}

// Explain turns an error of the client into an [*Error]. permission is the one that the request needs.
func (s S3) Explain(err error, permission string) error {
	e, _ := errors.AsType[*Error](s.s.hints.classify(err, permission))
	full := *e
	full.Op, full.URL = "read the settings of", "s3://"+s.Bucket
	return &full
}

// Put stores size bytes of body under key, once and never over another object.
// sum is their SHA-256. It returns nil only when the key is confirmed to hold
// exactly these bytes, be it from this call or from an earlier one whose answer
// was lost: by the SHA-256 that the store computed of them, or by reading them
// back. If the key holds other bytes the error matches [ErrConflict]; if it is
// taken and may not be read, the reason is [ReasonUnreadable]. Every error is an
// [*Error].
func (b *Bucket) Put(ctx context.Context, key string, body io.ReaderAt, size int64, sum [sha256.Size]byte) error {
	if err := checkKey(key); err != nil {
		return b.fail("store", key, err)
	}
	computed, err := b.store.put(ctx, key, io.NewSectionReader(source{body, size}, 0, size), sum)
	switch {
	case ReasonOf(err) == reasonExists || ReasonOf(err) == ReasonPermission && b.taken(ctx, key):
		err = b.readBack(ctx, key, size, sum, true)
	case err == nil:
		err = b.confirm(ctx, key, computed, size, sum)
	}
	return b.fail("store", key, err)
}

// Replaces reports whether the store takes the object that is under a key a second time: it ignores
// If-None-Match. The bytes are those that the key holds.
func (b *Bucket) Replaces(ctx context.Context, key string, body io.ReaderAt, size int64, sum [sha256.Size]byte) (bool, error) {
	_, err := b.store.put(ctx, key, io.NewSectionReader(body, 0, size), sum)
	if ReasonOf(err) == reasonExists || ReasonOf(err) == ReasonPermission {
		return false, nil
	}
	return err == nil, b.fail("store again", key, err)
}

// confirm decides about an object that the store says it has stored.
func (b *Bucket) confirm(ctx context.Context, key string, computed []byte, size int64, sum [sha256.Size]byte) error {
	if computed == nil {
		b.unproven.Store(true)
	} else if !bytes.Equal(computed, sum[:]) {
		return differs(false, size, computed, size, sum)
	}
	n, unproven := b.stored.Add(1), b.unproven.Load()
	if !unproven && n > sampledFirst && n%sampledEvery != 0 {
		return nil
	}
	err := b.readBack(ctx, key, size, sum, false)
	if !unproven && ReasonOf(err) == ReasonPermission {
		return nil // the store's answer is all there is
	}
	return err
}

// taken says whether there is an object under the key. Some servers refuse to
// replace one that Object Lock protects as forbidden, before they look at
// If-None-Match.
func (b *Bucket) taken(ctx context.Context, key string) bool {
	_, _, err := b.store.get(ctx, key, false)
	return err == nil
}

// source is a body of size bytes. Its errors say that it is at fault, not the
// store.
type source struct {
	body io.ReaderAt
	size int64
}

// ReadAt reads from the body; its end before size is an error.
func (s source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.body.ReadAt(p, off)
	if errors.Is(err, io.EOF) && off+int64(n) < s.size {
		err = fmt.Errorf("it ends after %d of %d bytes: %w", off+int64(n), s.size, io.ErrUnexpectedEOF)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = &Error{Reason: ReasonOther, Cause: "cannot read the file to store: " + err.Error(), Err: err}
	}
	return n, err
}

// readBack returns nil if the key holds our bytes. taken says that this PUT was
// refused because there was an object, rather than answered with success.
func (b *Bucket) readBack(ctx context.Context, key string, size int64, sum [sha256.Size]byte, taken bool) error {
	h := sha256.New()
	stored, err := b.store.copyTo(AtMost(ctx, size), key, 0, 0, h)
	if ReasonOf(err) == ReasonTooLarge {
		b.unproven.Store(true)
		return differs(taken, stored, nil, size, sum)
	}
	if err != nil {
		return b.unread(err, taken)
	}
	got := h.Sum(nil)
	if stored == size && bytes.Equal(got, sum[:]) {
		return nil
	}
	b.unproven.Store(true)
	return differs(taken, stored, got, size, sum)
}

func differs(taken bool, stored int64, got []byte, size int64, sum [sha256.Size]byte) error {
	other := fmt.Sprintf("%d bytes, SHA-256 %x", stored, got)
	if got == nil {
		other = "more bytes"
	}
	if taken {
		return &Error{
			Reason: ReasonConflict,
			Cause:  fmt.Sprintf("the key holds another object of %s; ours has %d bytes, SHA-256 %x", other, size, sum),
			Remedy: "nothing was overwritten; compare the two before either is removed",
		}
	}
	return &Error{
		Reason: ReasonDamaged,
		Cause:  fmt.Sprintf("the store answered success but holds %s; sent were %d bytes, SHA-256 %x", other, size, sum),
		Remedy: "check the store, and proxies on the way to it",
	}
}

// unread completes the error of reading an object back.
func (b *Bucket) unread(err error, taken bool) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Cause = "the store took the object but reports no SHA-256 of its own, and reading it back failed: " + e.Cause
	if taken {
		c.Cause = "the key is taken and the object there cannot be compared with ours: " + e.Cause
	}
	switch {
	case e.Reason == ReasonNotFound: // right after it was there
		c.Reason = ReasonServer
	case e.Reason != ReasonPermission:
	case b.unproven.Load():
		c.Remedy = "allow s3:GetObject on the prefix, or use a store that answers PutObject with x-amz-checksum-sha256"
	case taken:
		c.Reason = ReasonUnreadable
	}
	return &c
}

// Stat describes the object key. Its error matches [io/fs.ErrNotExist] where
// it does not exist. (S3 says "forbidden" instead to those who may not list.)
func (b *Bucket) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, b.fail("look up", key, err)
	}
	info, _, err := b.store.get(ctx, key, false)
	if b.unproven.Load() {
		info.SHA256 = nil
	}
	return info, b.fail("look up", key, err)
}

// Object is a stored object that is open for reading at any offset. It is safe
// for concurrent use.
type Object struct {
	Info
	file *os.File
}

// ReadAt reads as [io.ReaderAt] says.
func (o *Object) ReadAt(p []byte, off int64) (int, error) { return o.file.ReadAt(p, off) }

// Close gives the object back, with the disk space it used.
func (o *Object) Close() error { return o.file.Close() }

// Open returns the object key, to be closed by the caller. An object from S3 is
// first downloaded into a nameless file in [os.TempDir] and its SHA-256
// compared with that of the store: memory stays constant, disk use is the
// object's size until Close. Its error matches [io/fs.ErrNotExist] where there
// is no such object.
func (b *Bucket) Open(ctx context.Context, key string) (*Object, error) {
	if err := checkKey(key); err != nil {
		return nil, b.fail("read", key, err)
	}
	info, file, err := b.store.get(ctx, key, true)
	if err != nil {
		if ReasonOf(err) == ReasonChecksum {
			b.unproven.Store(true)
		}
		return nil, b.fail("read", key, err)
	}
	return &Object{Info: info, file: file}, nil
}

// ReadAt reads len(p) bytes of the object key from offset off on, with one request. It
// proves nothing of them: that takes the whole object.
func (b *Bucket) ReadAt(ctx context.Context, key string, p []byte, off int64) (int, error) {
	if err := checkKey(key); err != nil || len(p) == 0 {
		return 0, b.fail("read", key, err)
	}
	w := bytes.NewBuffer(p[:0:len(p)])
	n, err := b.store.copyTo(ctx, key, off, int64(len(p)), struct{ io.Writer }{w})
	if err == nil && n != int64(len(p)) {
		err = &Error{Reason: ReasonOther, Cause: fmt.Sprintf("received %d of the %d bytes from byte %d on", n, len(p), off), Err: io.ErrUnexpectedEOF}
	}
	return int(min(n, int64(len(p)))), b.fail("read", key, err)
}

// List yields every object whose key begins with prefix (not only at a '/'),
// sorted by key, byte by byte. An error ends the sequence. An archive without
// objects, and a directory that does not exist yet, list nothing.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return b.ListAfter(ctx, prefix, func(string) string { return "" })
}

// ListAfter is List without the keys that are not after seek(key), behind which the
// listing resumes. A directory is passed to seek too, with a '/' at its end.
func (b *Bucket) ListAfter(ctx context.Context, prefix string, seek func(key string) string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if strings.Contains("/"+prefix, "/../") {
			yield(Info{}, b.fail("list", prefix, &Error{Reason: ReasonOther, Cause: "'..' is not possible"}))
			return
		}
		err := b.store.list(ctx, prefix, seek, func(i Info) bool { return yield(i, nil) })
		if err != nil {
			yield(Info{}, b.fail("list", prefix, err))
		}
	}
}

// fail completes an error of the store. It returns nil for nil.
func (b *Bucket) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Reason: ReasonOf(err), Cause: err.Error(), Err: err}
	}
	full := *e
	full.Op, full.Key, full.URL = op, key, b.URL(key)
	return &full
}
