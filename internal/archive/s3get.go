package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// get downloads the object into a nameless temporary file. A reader of Parquet
// jumps between forty columns; one GET and a file serve that with constant
// memory, where ranged requests would be hundreds and a cache of them bounded
// only by its hit rate.
func (s *s3Store) get(ctx context.Context, key string, content bool) (Info, *os.File, error) {
	if !content {
		info, err := s.stat(ctx, key)
		return info, nil, err
	}
	file, err := namelessFile()
	if err != nil {
		return Info{}, nil, tempError(err)
	}
	info, err := s.download(ctx, key, file)
	if err != nil {
		_ = file.Close()
		return Info{}, nil, err
	}
	return info, file, nil
}

// namelessFile returns a file that vanishes when it is closed, even by a crash.
func namelessFile() (*os.File, error) {
	file, err := os.CreateTemp("", "auditsidecar-*")
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
func (s *s3Store) download(ctx context.Context, key string, file *os.File) (Info, error) {
	h := sha256.New()
	info, n, err := s.read(ctx, key, 0, 0, io.MultiWriter(tempFile{file}, h))
	if err != nil {
		return Info{}, err
	}
	if n != info.Size || info.SHA256 != nil && !bytes.Equal(h.Sum(nil), info.SHA256) {
		return Info{}, &Error{Reason: ReasonChecksum,
			Cause: fmt.Sprintf("received %d bytes, SHA-256 %x; the store says %d bytes, SHA-256 %x", n, h.Sum(nil), info.Size, info.SHA256)}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Info{}, tempError(err)
	}
	return info, nil
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

func (s *s3Store) copyTo(ctx context.Context, key string, from, size int64, w io.Writer) (int64, error) {
	_, n, err := s.read(ctx, key, from, size, w)
	return n, err
}

// askSum asks for the store's checksum, unless no checksum header may be sent. As a field of the input it would have the SDK
// compare it, with errors that look like a broken connection.
func (s *s3Store) askSum(o *s3.Options) {
	if s.noChecksum {
		return
	}
	s3.WithAPIOptions(smithyhttp.SetHeaderValue("x-amz-checksum-mode", string(types.ChecksumModeEnabled)))(o)
}

// read writes the object to w, or size bytes of it from offset from on, and returns the
// bytes written. Errors of w are returned as they are. Where the connection breaks it resumes, maxAttempts times without
// progress at most, if the object is still the one with the same ETag.
func (s *s3Store) read(ctx context.Context, key string, from, size int64, w io.Writer) (info Info, done int64, err error) {
	if ctx.Value(objectLimit{}) == nil {
		ctx = AtMost(ctx, cmp.Or(size, maxObject))
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: s.key(key)}
	last := ""
	if size > 0 {
		last = strconv.FormatInt(from+size-1, 10)
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%s", from, last))
	}
	for failures := 0; failures < maxAttempts; failures++ {
		out, getErr := s.client.GetObject(ctx, in, s.askSum)
		if getErr != nil {
			err = getErr
			break
		}
		if done == 0 {
			info = Info{Key: key, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified), SHA256: storedSum(out.ChecksumSHA256)}
		}
		if in.Range != nil && out.ContentRange == nil {
			_ = out.Body.Close()
			err = errors.New("the server ignored a Range header")
			break
		}
		var n int64
		n, err = io.Copy(w, out.Body)
		_ = out.Body.Close()
		if err == nil && out.ContentLength != nil && n != *out.ContentLength {
			err = io.ErrUnexpectedEOF
		}
		done += n
		if err == nil || errors.As(err, new(*Error)) {
			return info, done, err
		}
		err = fmt.Errorf("the download broke off: %w", err)
		if in.IfMatch == nil && out.ETag == nil {
			break
		}
		if n > 0 {
			in.Range, in.IfMatch = aws.String(fmt.Sprintf("bytes=%d-%s", from+done, last)), cmp.Or(in.IfMatch, out.ETag)
			failures = 0
		}
	}
	return info, done, s.hints.classify(err, "s3:GetObject")
}

// tempFile is a file whose write errors are those of a temporary file.
type tempFile struct{ *os.File }

// Write implements io.Writer.
func (f tempFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		err = tempError(fmt.Errorf("write temporary file: %w", err))
	}
	return n, err
}
