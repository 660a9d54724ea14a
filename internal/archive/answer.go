package archive

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Bounds of the answers of a store.
const (
	// maxAnswer is the longest answer other than an object, decompressed. The longest that is
	// expected is a page of a listing: a thousand keys of at most 1 KiB.
	maxAnswer = 2 << 20
	// maxAnswerHeader bounds the header of an answer, in bytes.
	maxAnswerHeader = 64 << 10
	// maxSilence is the longest time between two bytes of a body.
	maxSilence = 3 * time.Minute
	// maxEmptyPages is how many pages of a listing without a key may follow each other: a store
	// may look through many deleted keys for the next one.
	maxEmptyPages = 1000
)

// boundAnswers returns a client that bounds answers and follows no redirect: the signature, and
// stored objects, are for the configured server alone.
func boundAnswers(c *awshttp.BuildableClient) *http.Client {
	return &http.Client{
		Transport:     answers{c.GetTransport()},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type answers struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	resp, err := a.RoundTripper.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err //nolint:wrapcheck // the SDK looks at it
	}
	body := &answerBody{ReadCloser: resp.Body, cancel: cancel, limit: maxAnswer, reason: ReasonServer}
	if most, ok := ctx.Value(objectLimit{}).(int64); ok && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent) {
		body.limit, body.reason = most, ReasonTooLarge
	}
	body.left = body.limit
	resp.Body = body
	return resp, nil
}

// objectLimit is the key of the context of requests for objects. Its value is the most bytes of
// one, an int64.
type objectLimit struct{}

// AtMost returns a context in which an object with more bytes than limit is not read: the error
// has [ReasonTooLarge]. A directory has no such limit.
func AtMost(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, objectLimit{}, limit)
}

// answerBody is a body that fails beyond its limit, and if no byte comes for too long.
type answerBody struct {
	io.ReadCloser
	cancel      context.CancelFunc
	left, limit int64
	reason      Reason
}

// Read implements [io.Reader].
func (b *answerBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLong()
	}
	silence := time.AfterFunc(maxSilence, b.cancel)
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if !silence.Stop() && err != nil {
		return n, &Error{Reason: ReasonTimeout, Cause: fmt.Sprintf("the answer stopped for %s", maxSilence)}
	}
	if b.left -= int64(n); b.left < 0 {
		return n - 1, b.tooLong()
	}
	return n, err //nolint:wrapcheck // io.EOF, or an error of the connection
}

func (b *answerBody) tooLong() error {
	return &Error{Reason: b.reason, Cause: fmt.Sprintf("the answer is longer than %d bytes", b.limit), Remedy: "check the store, and proxies on the way to it"}
}

// Close implements [io.Closer].
func (b *answerBody) Close() error {
	b.cancel()
	return b.ReadCloser.Close() //nolint:wrapcheck // an error of the connection
}
