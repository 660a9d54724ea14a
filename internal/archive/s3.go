package archive

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

const (
	// The caller has a retry loop of its own: these only bridge a hiccup.
	maxAttempts = 3
	maxBackoff  = time.Second

	dialTimeout = 10 * time.Second
	// stallTimeout ends a connection on which the peer acknowledged nothing for
	// so long. A slow peer that makes progress is left alone, so that no upload
	// is too big for a thin line.
	stallTimeout = 60 * time.Second
	// answerTimeout is for the answer once the whole request was handed to the
	// kernel, which may have megabytes of it still to send.
	answerTimeout = 3 * time.Minute
	// credentialsTimeout bounds the search for credentials, which may ask the
	// instance metadata service, several times, on a machine that has none.
	credentialsTimeout = 20 * time.Second
)

// s3Store keeps objects below prefix in bucket.
type s3Store struct {
	client *s3.Client
	bucket string
	prefix string // empty, or ending in "/"
	kmsKey string
	lock   Lock
	hints  hints

	noChecksum bool
}

func newS3Store(ctx context.Context, loc location, cfg S3Config) (*s3Store, error) {
	httpClient, err := newHTTPClient(cfg)
	if err != nil {
		return nil, err
	}
	ac, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(httpClient),
		config.WithAppID("auditsidecar"),
		config.WithRetryer(newRetryer),
		config.WithLogger(logging.Nop{}), // the errors say enough
		// Checksums are ours (SHA-256, known before the request): the SDK's own
		// would only read everything once more.
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
	)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings (AWS_* variables, ~/.aws/config, ~/.aws/credentials): %w", err)
	}
	if cfg.Region != "" {
		ac.Region = cfg.Region
	}
	endpoint := cfg.Endpoint != "" || ac.BaseEndpoint != nil
	if ac.Region == "" && endpoint {
		ac.Region = "us-east-1" // most other servers ignore it, but the signature needs one
	}
	if ac.Region == "" {
		return nil, fmt.Errorf("archive URL s3://%s: the bucket's region is not known: set --s3-region or AWS_REGION", loc.bucket)
	}
	client := s3.NewFromConfig(ac, func(o *s3.Options) {
		if c, ok := ac.HTTPClient.(*awshttp.BuildableClient); ok { // ours, with AWS_CA_BUNDLE
			o.HTTPClient = boundAnswers(c)
		}
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(cfg.Endpoint)
		}
		o.UsePathStyle = cfg.PathStyle
		o.Credentials = boundedCredentials{ac.Credentials}
	})
	s := &s3Store{client: client, bucket: loc.bucket, kmsKey: cfg.KMSKeyID, lock: cfg.Lock, noChecksum: cfg.NoChecksum,
		hints: hints{bucket: loc.bucket, region: ac.Region, kms: cfg.KMSKeyID != "", endpoint: endpoint, pathStyle: cfg.PathStyle}}
	if loc.prefix != "" {
		s.prefix = loc.prefix + "/"
	}
	return s, nil
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = maxBackoff
		// The quota would turn a long outage into errors that hide its cause.
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{
			retry.IsErrorRetryableFunc(hopeless),
			// A PUT that met another request on the same key.
			retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusConflict: {}}},
		}, o.Retryables...)
	})
}

// hopeless keeps the SDK from repeating requests that fail the same way again: a
// certificate that is not accepted, a body that cannot be read. After answerTimeout the caller
// has to know; net/http has no value for that error.
func hopeless(err error) aws.Ternary {
	if _, ours := errors.AsType[*Error](err); ours || (hints{}).tls(err) != nil || strings.Contains(err.Error(), "awaiting response headers") {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

func newHTTPClient(cfg S3Config) (*awshttp.BuildableClient, error) {
	pool, err := certPool(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	return awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) {
		d.Timeout = dialTimeout
		d.Control = limitStall
	}).WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = answerTimeout
		t.MaxResponseHeaderBytes = maxAnswerHeader
		t.MaxIdleConnsPerHost = max(2, cfg.Connections)
		if pool != nil {
			if t.TLSClientConfig == nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			t.TLSClientConfig.RootCAs = pool
		}
	}), nil
}

// certPool returns the system's certificate authorities with those of caFile, or
// nil without a file.
func certPool(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read --s3-ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // an image without certificates
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read --s3-ca-file %s: it holds no certificate in PEM form", caFile)
	}
	return pool, nil
}

// boundedCredentials bounds the search for credentials and marks its errors.
type boundedCredentials struct{ chain aws.CredentialsProvider }

// Retrieve returns the chain's credentials, or a *credentialsError.
func (b boundedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	bounded, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	creds, err := b.chain.Retrieve(bounded)
	if err != nil && ctx.Err() == nil {
		err = &credentialsError{err}
	}
	return creds, err
}

type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

func (s *s3Store) key(key string) *string { return aws.String(s.prefix + key) }

func (s *s3Store) stat(ctx context.Context, key string) (Info, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: s.key(key)}, s.askSum)
	if err != nil {
		return Info{}, s.hints.classify(err, "s3:GetObject")
	}
	return Info{
		Key:      key,
		Size:     aws.ToInt64(out.ContentLength),
		Modified: aws.ToTime(out.LastModified),
		SHA256:   storedSum(out.ChecksumSHA256),
	}, nil
}

// storedSum returns the SHA-256 that a store computed. The checksum of an object
// in parts ("…-3") is not one of its content. User metadata only repeats the
// words of the client, so it has none.
func storedSum(checksum *string) []byte {
	if sum, err := base64.StdEncoding.DecodeString(aws.ToString(checksum)); err == nil && len(sum) == sha256.Size {
		return sum
	}
	return nil
}

// list reads page after page. Conditions on the pages bound a listing that never ends: each
// has keys after those of the page before, and one that is not the last says how to get the next.
func (s *s3Store) list(ctx context.Context, prefix string, seek func(key string) string, yield func(Info) bool) error {
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.key(prefix)}
	last, empty := "", 0
	for {
		page, err := s.client.ListObjectsV2(ctx, in)
		if err != nil {
			return s.hints.classify(err, "s3:ListBucket")
		}
		from := ""
		for _, o := range page.Contents {
			key := aws.ToString(o.Key)
			if key <= last || !strings.HasPrefix(key, *in.Prefix) {
				return badListing("%q follows %q in a listing of %q", key, last, *in.Prefix)
			}
			last = key
			info := Info{Key: strings.TrimPrefix(key, s.prefix), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}
			if from = seek(info.Key); info.Key <= from {
				continue
			}
			// A key that ends in '/' is a "folder" that a console made.
			if !strings.HasSuffix(key, "/") && info.Key != "" && !yield(info) {
				return nil
			}
		}
		if empty++; len(page.Contents) > 0 {
			empty = 0
		}
		next := aws.ToString(page.NextContinuationToken)
		switch {
		case !aws.ToBool(page.IsTruncated):
			return nil
		case next == "" || next == aws.ToString(in.ContinuationToken):
			return badListing("after %q the next page is that of the token %q again", last, next)
		case empty > maxEmptyPages:
			return badListing("%d pages without a key after %q", empty, last)
		}
		in.ContinuationToken = &next
		if len(page.Contents) > 0 && last <= s.prefix+from {
			in.StartAfter, in.ContinuationToken = s.key(from), nil
		}
	}
}

func badListing(format string, args ...any) error {
	return &Error{Reason: ReasonServer, Cause: "the store's listing cannot be read to its end: " + fmt.Sprintf(format, args...),
		Remedy: "check the store, and proxies on the way to it"}
}
