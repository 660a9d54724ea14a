package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// maxObject is the most that S3 takes in one PUT, in bytes.
const maxObject = 5 << 30

// put sends the object in one PUT. Only that gives a SHA-256 of the whole content
// that the store itself computed (over parts it would be a checksum of
// checksums), and one that either happens or leaves nothing behind: there are no
// abandoned parts to pay for. The part size, larger than any object, keeps the
// manager from splitting.
func (s *s3Store) put(ctx context.Context, key string, body *io.SectionReader, sum [sha256.Size]byte) ([]byte, error) {
	if body.Size() > maxObject {
		return nil, &Error{Reason: ReasonTooLarge,
			Cause:  fmt.Sprintf("%d bytes are more than the 5 GiB of one PUT", body.Size()),
			Remedy: "let kube-apiserver rotate earlier (--audit-log-maxsize)"}
	}
	in := &s3.PutObjectInput{
		Bucket:         &s.bucket,
		Key:            s.key(key),
		Body:           body,
		ContentLength:  aws.Int64(body.Size()),
		ContentType:    aws.String("application/octet-stream"),
		IfNoneMatch:    aws.String("*"),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
	if s.noChecksum {
		in.ChecksumSHA256 = nil
	}
	s.lock.apply(in, key, time.Now())
	if s.kmsKey != "" {
		in.ServerSideEncryption = types.ServerSideEncryptionAwsKms
		in.SSEKMSKeyId = &s.kmsKey
	}
	uploader := manager.NewUploader(s.client, func(u *manager.Uploader) { //nolint:staticcheck // deprecated; the library is fixed for this project, and its successor is at v0
		u.PartSize = maxObject
		u.Concurrency = 1
		u.ClientOptions = append(u.ClientOptions, s3.WithAPIOptions(payloadHash(sum)))
	})
	out, err := uploader.Upload(ctx, in) //nolint:staticcheck // as above
	if err != nil {
		return nil, s.hints.classify(err, "s3:PutObject")
	}
	return storedSum(out.ChecksumSHA256), nil
}

// payloadHash gives the signer the hash it would otherwise read the whole body
// for. The signature then covers the content, over plain HTTP too.
func payloadHash(sum [sha256.Size]byte) func(*middleware.Stack) error {
	set := middleware.InitializeMiddlewareFunc("auditsidecarPayloadHash",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(v4.SetPayloadHash(ctx, hex.EncodeToString(sum[:])), in)
		})
	return func(stack *middleware.Stack) error { return stack.Initialize.Add(set, middleware.After) }
}

// status returns the HTTP status of a failed request, 0 if there was no answer.
func status(err error) int {
	if re, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return re.HTTPStatusCode()
	}
	return 0
}
