package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// get downloads the object into a nameless temporary file. A reader of Parquet
// jumps between forty columns; one GET and a file serve that with constant
// memory, where ranged requests would be hundreds and a cache of them bounded
// only by its hit rate.
func (s *s3Store) get(ctx context.Context, key string, content bool) (Info, *os.File, error) {
	info, err := s.stat(ctx, key)
	if err != nil || !content {
		return info, nil, err
	}
	file, err := namelessFile(s.tempDir)
	if err != nil {
		return Info{}, nil, tempError(err)
	}
	if err := s.download(ctx, info, file); err != nil {
		_ = file.Close()
		return Info{}, nil, err
	}
	return info, file, nil
}

// namelessFile returns a file that vanishes when it is closed, even by a crash.
func namelessFile(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "auditsidecar-*")
	if err != nil {
		return nil, fmt.Errorf("create temporary file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("unlink temporary file: %w", err)
	}
	return file, nil
}

// download writes the object into file, which is then at its start.
func (s *s3Store) download(ctx context.Context, info Info, file *os.File) error {
	h := sha256.New()
	n, err := s.copyTo(ctx, info.Key, io.MultiWriter(file, h))
	if err != nil {
		return err
	}
	if n != info.Size || info.SHA256 != nil && !bytes.Equal(h.Sum(nil), info.SHA256) {
		return &Error{Reason: ReasonChecksum,
			Cause: fmt.Sprintf("received %d bytes, SHA-256 %x; the store says %d bytes, SHA-256 %x", n, h.Sum(nil), info.Size, info.SHA256)}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return tempError(err)
	}
	return nil
}

// tempError is an error of the temporary file. It is not wrapped: "no such
// directory" there must not look like "no such object".
func tempError(err error) error {
	e := &Error{Reason: ReasonOther, Cause: err.Error(), Remedy: "check the directory for temporary files (TMPDIR)"}
	if durable.IsDiskFull(err) {
		e.Reason, e.Err = ReasonFull, err
	}
	return e
}

// hash reads the whole object back.
func (s *s3Store) hash(ctx context.Context, key string) (int64, []byte, error) {
	h := sha256.New()
	n, err := s.copyTo(ctx, key, h)
	return n, h.Sum(nil), err
}

// copyTo writes the object to w and returns its size. Where the connection
// breaks it goes on from there, maxAttempts times without progress at most.
func (s *s3Store) copyTo(ctx context.Context, key string, w io.Writer) (int64, error) {
	var done int64
	var etag *string
	for failures := 0; ; {
		n, tag, err := s.copyFrom(ctx, key, w, done, etag)
		done += n
		if err == nil {
			return done, nil
		}
		if etag == nil {
			etag = tag
		}
		if n > 0 {
			failures = 0
		}
		failures++
		var broken *brokenBody
		if !errors.As(err, &broken) || failures == maxAttempts || etag == nil {
			return done, s.hints.classify(err, "s3:GetObject")
		}
	}
}

// brokenBody is an answer that ended early.
type brokenBody struct{ err error }

func (e *brokenBody) Error() string { return "the download broke off: " + e.err.Error() }
func (e *brokenBody) Unwrap() error { return e.err }

// copyFrom makes one request for what follows offset from of the object, which
// must still be the one with etag.
func (s *s3Store) copyFrom(ctx context.Context, key string, w io.Writer, from int64, etag *string) (int64, *string, error) {
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: s.key(key)}
	if from > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", from))
		in.IfMatch = etag
	}
	out, err := s.client.GetObject(ctx, in)
	if err != nil {
		return 0, nil, err
	}
	defer out.Body.Close()
	if from > 0 && out.ContentRange == nil {
		return 0, nil, errors.New("the server ignored a Range header")
	}
	writer := &stickyWriter{w: w}
	n, err := io.Copy(writer, out.Body)
	switch {
	case writer.err != nil:
		return n, nil, tempError(fmt.Errorf("write temporary file: %w", writer.err))
	case err == nil && out.ContentLength != nil && n != *out.ContentLength:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		err = &brokenBody{err}
	}
	return n, out.ETag, err
}

// stickyWriter tells an error of the writer from one of the reader.
type stickyWriter struct {
	w   io.Writer
	err error
}

// Write writes to w and remembers its error.
func (s *stickyWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
