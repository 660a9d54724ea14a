package archive

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// hints are the settings that the remedies in error texts depend on.
type hints struct {
	bucket    string
	region    string
	kms       bool // a KMS key was asked for
	endpoint  bool // not AWS's own
	pathStyle bool
}

// classify turns an error of the SDK into an *Error. permission is the one the
// request needs.
func (h hints) classify(err error, permission string) error {
	e, ok := errors.AsType[*Error](err)
	if ok {
		return e
	}
	var creds *credentialsError
	var api smithy.APIError
	switch {
	case errors.As(err, &creds):
		e = noCredentials(creds)
	case status(err) != 0 && status(err)/100 != 2:
		e = h.answer(err, permission)
	case errors.Is(err, context.Canceled):
		e = &Error{Reason: ReasonCanceled, Cause: "canceled"}
	case errors.As(err, &api):
		e = &Error{Reason: ReasonOther, Cause: api.ErrorCode() + ": " + api.ErrorMessage()}
	default:
		e = h.connection(err)
	}
	e.Err = err
	return e
}

func noCredentials(err *credentialsError) *Error {
	return &Error{
		Reason: ReasonCredentials,
		Cause:  "no usable AWS credentials: " + lastLine(err.err),
		Remedy: "looked at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the shared files (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE, AWS_PROFILE) and the instance profile: set one of them",
	}
}

// connection explains a request that got no answer.
func (h hints) connection(err error) *Error {
	var dns *net.DNSError
	var netErr net.Error
	var opErr *net.OpError
	if e := h.tls(err); e != nil {
		return e
	}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e := &Error{Reason: ReasonUnreachable, Cause: "cannot resolve " + dns.Name,
			Remedy: "check --s3-endpoint, --s3-region and this node's DNS (on the host network cluster names do not resolve)"}
		if h.endpoint && !h.pathStyle && strings.HasPrefix(dns.Name, h.bucket+".") {
			e.Remedy = "if the server has no name per bucket, set --s3-path-style"
		}
		return e
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: ReasonTimeout, Cause: "no answer in time: " + lastLine(err)}
	case errors.As(err, &opErr), errors.As(err, &dns), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Reason: ReasonUnreachable, Cause: "no connection: " + lastLine(err), Remedy: "does the store run, is --s3-endpoint right, and does a firewall or proxy stand between?"}
	}
	return &Error{Reason: ReasonOther, Cause: lastLine(err)}
}

// tls explains a failed handshake; nil if it is something else.
func (h hints) tls(err error) *Error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	e := &Error{Reason: ReasonTLS}
	switch {
	case errors.As(err, &unknown):
		e.Cause = "the server's certificate is signed by an authority that this machine does not know"
		e.Remedy = "give that authority's certificate with --s3-ca-file"
	case errors.As(err, &name):
		e.Cause = name.Error()
		e.Remedy = "use in --s3-endpoint a name that the certificate bears"
		if h.endpoint && !h.pathStyle {
			e.Remedy += ", or --s3-path-style if it does not cover names per bucket"
		}
	case errors.As(err, &invalid):
		e.Cause = invalid.Error()
		e.Remedy = "renew the server's certificate, or set this machine's clock if that is wrong"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		e.Cause = "the server does not speak TLS on this port"
		e.Remedy = "use http:// in --s3-endpoint, or the server's TLS port"
	default:
		return nil
	}
	return e
}

// answer explains a request that the store refused.
func (h hints) answer(err error, permission string) *Error {
	code, text := apiError(err)
	e := h.byCode(code)
	if e == nil {
		e = h.byStatus(status(err), permission)
	}
	if strings.Contains(strings.ToLower(text), "x-amz-checksum") && e.Reason == ReasonOther {
		e = &Error{Reason: ReasonUnsupported, Remedy: "set --s3-checksum=off: each object is then read back, which needs s3:GetObject"}
	}
	if region := h.otherRegion(err, text); region != "" && e.Reason != reasonExists {
		*e = Error{Reason: ReasonRegion, Remedy: "set --s3-region=" + region}
	}
	e.Cause = strings.TrimSuffix(strings.TrimSpace(code+": "+text), ":")
	if len(e.Cause) > maxShown {
		e.Cause = strings.ToValidUTF8(e.Cause[:maxShown], "") + "..."
	}
	if to := redirect(err); to != nil {
		e.Cause += fmt.Sprintf(", a redirect to %s, which is not followed", to.Host)
	}
	e.Cause = fmt.Sprintf("%s (HTTP %d%s)", e.Cause, status(err), requestID(err))
	return e
}

// maxShown is how much of the store's own words an error repeats, in bytes.
const maxShown = 500

// redirect is where a redirect leads; nil if it is not one.
func redirect(err error) *url.URL {
	re, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok || re.HTTPStatusCode()/100 != 3 {
		return nil
	}
	to, err := re.HTTPResponse().Location()
	if err != nil {
		return nil
	}
	return to
}

// regionalHost is AWS' name of a region's S3 service.
var regionalHost = regexp.MustCompile(`(?:^|\.)s3[.-](?:dualstack\.)?([a-z]{2,}-[a-z-]+-[0-9])\.amazonaws\.com`)

// apiError returns the store's own code and message. An answer to HEAD has no
// body, so its code is the status text.
func apiError(err error) (code, text string) {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode(), api.ErrorMessage()
	}
	return http.StatusText(status(err)), ""
}

func requestID(err error) string {
	if re, ok := errors.AsType[*awshttp.ResponseError](err); ok && re.ServiceRequestID() != "" {
		return ", request " + re.ServiceRequestID()
	}
	return ""
}

// expectedRegion is the end of "the region 'us-east-1' is wrong; expecting
// 'eu-west-1'"; some servers use double quotes.
var expectedRegion = regexp.MustCompile(`expecting ['"]([A-Za-z0-9-]+)['"]`)

// otherRegion returns the bucket's region if the store says that it is not ours.
func (h hints) otherRegion(err error, text string) string {
	switch status(err) {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest, http.StatusForbidden:
	default:
		return ""
	}
	if re, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		if r := re.HTTPResponse().Header.Get("X-Amz-Bucket-Region"); r != "" && r != h.region {
			return r
		}
	}
	if to := redirect(err); to != nil {
		if m := regionalHost.FindStringSubmatch(to.Host); m != nil && m[1] != h.region {
			return m[1]
		}
	}
	if m := expectedRegion.FindStringSubmatch(text); m != nil && m[1] != h.region {
		return m[1]
	}
	return ""
}

// byCode knows the codes that say more than the status; nil for others.
func (h hints) byCode(code string) *Error {
	switch code {
	case "NoSuchBucket":
		return &Error{Reason: ReasonBucket, Remedy: fmt.Sprintf("create bucket %q or correct the archive URL", h.bucket)}
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired", "AuthorizationHeaderMalformed", "InvalidSecurity", "XAdminUserNotFound":
		return &Error{Reason: ReasonCredentials, Remedy: "the store refuses these credentials: check key, secret and session token, and whether they belong to this store"}
	case "RequestTimeTooSkewed", "RequestExpired":
		return &Error{Reason: ReasonClock, Remedy: "set this machine's clock (NTP)"}
	case "EntityTooLarge":
		return &Error{Reason: ReasonTooLarge, Remedy: "the store takes no objects of this size: let kube-apiserver rotate earlier (--audit-log-maxsize)"}
	case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch":
		return &Error{Reason: ReasonChecksum, Remedy: "the bytes changed between computing their checksum and the store; repeated: check this machine's disk and memory, and proxies on the way"}
	case "NotImplemented":
		return &Error{Reason: ReasonUnsupported, Remedy: "the store must support If-None-Match on PutObject, and x-amz-checksum-sha256 unless --s3-checksum=off: use a newer version of it, or another store"}
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded":
		return &Error{Reason: ReasonThrottled}
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage":
		return &Error{Reason: ReasonFull, Remedy: "raise the quota or free space in the store"}
	}
	if strings.HasPrefix(code, "KMS") {
		return &Error{Reason: ReasonKey, Remedy: "check --s3-kms-key-id, and that the key is enabled and in the bucket's region"}
	}
	return nil
}

func (h hints) byStatus(code int, permission string) *Error {
	switch {
	case code == http.StatusPreconditionFailed:
		return &Error{Reason: reasonExists}
	case code == http.StatusForbidden || code == http.StatusUnauthorized:
		return &Error{Reason: ReasonPermission, Remedy: h.permit(permission)}
	case code == http.StatusNotFound && permission == "s3:GetObject":
		return &Error{Reason: ReasonNotFound}
	case code/100 == 3:
		return &Error{Reason: ReasonRegion, Remedy: "the bucket is in another region or behind another endpoint: set --s3-region (or --s3-endpoint)"}
	case code == http.StatusTooManyRequests:
		return &Error{Reason: ReasonThrottled}
	case code == http.StatusInsufficientStorage:
		return &Error{Reason: ReasonFull, Remedy: "raise the quota or free space in the store"}
	case code == http.StatusNotImplemented:
		return &Error{Reason: ReasonUnsupported}
	case code >= 500 || code == http.StatusConflict || code == http.StatusRequestTimeout:
		return &Error{Reason: ReasonServer}
	}
	return &Error{Reason: ReasonOther}
}

// permit says which permission to grant.
func (h hints) permit(permission string) string {
	switch {
	case permission == "s3:PutObject" && h.kms:
		return "allow s3:PutObject on the prefix, and kms:GenerateDataKey on the KMS key"
	case permission == "s3:ListBucket":
		return "allow s3:ListBucket on the bucket, limited to the prefix"
	case permission == "s3:GetObject":
		return "allow s3:GetObject on the prefix (without s3:ListBucket a missing object is answered like this too)"
	}
	return "allow " + permission + " on the prefix"
}

// lastLine returns the innermost text of a chain of errors: the SDK wraps each
// cause in a sentence per layer. An operation's address belongs to its cause
// ("dial tcp 127.0.0.1:1: connection refused").
func lastLine(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
