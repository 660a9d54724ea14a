package archive

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Reason classifies an [Error]. Its text is short and stable, fit for the label
// of a metric.
type Reason string

// The reasons.
const (
	ReasonCredentials Reason = "credentials" // none found, or refused
	ReasonPermission  Reason = "permission"  // known, but not allowed
	ReasonBucket      Reason = "bucket"      // the bucket does not exist
	ReasonRegion      Reason = "region"      // the bucket is in another region
	ReasonTLS         Reason = "tls"         // the server's certificate is not accepted
	ReasonKey         Reason = "kms_key"     // the KMS key cannot be used
	ReasonClock       Reason = "clock"       // this machine's clock is off
	ReasonConflict    Reason = "conflict"    // the key holds other bytes
	ReasonDamaged     Reason = "damaged"     // the store took the object and holds other bytes
	ReasonUnreadable  Reason = "unreadable"  // the key is taken and may not be read
	ReasonTooLarge    Reason = "too_large"   // beyond one PUT, or the limit of the store
	ReasonUnsupported Reason = "unsupported" // the store lacks an operation we need
	ReasonNotFound    Reason = "not_found"   // no such object
	ReasonChecksum    Reason = "checksum"    // the bytes are not those that were announced
	ReasonUnreachable Reason = "unreachable" // no connection, or it broke
	ReasonTimeout     Reason = "timeout"     // connected, but no answer in time
	ReasonThrottled   Reason = "throttled"   // the store asks to slow down
	ReasonFull        Reason = "full"        // no space or quota left
	ReasonServer      Reason = "server"      // the store failed (5xx)
	ReasonCanceled    Reason = "canceled"    // the caller gave up
	ReasonOther       Reason = "other"       // none of these

	// reasonExists never leaves the package: Bucket.Put reads the object back
	// and returns success or another reason.
	reasonExists Reason = "exists"
)

// ErrConflict is found by errors.Is when a key holds other bytes than those to
// be stored.
var ErrConflict = errors.New("the key holds other bytes")

// Error names the failed action, its object, the cause and the remedy. It
// matches [ErrConflict] (ReasonConflict, ReasonDamaged) and [fs.ErrNotExist] (ReasonNotFound).
type Error struct {
	Op     string // "store", "read", "look up", "list"
	Key    string // relative to the archive URL; the prefix for "list"
	URL    string // the object's whole address
	Reason Reason
	Cause  string // in one line
	Remedy string // empty if only waiting helps
	Err    error  // the underlying error; may be nil
}

// Error returns operation, address, cause and remedy in one line.
func (e *Error) Error() string {
	s := Printable(e.Op + " " + e.URL + ": " + e.Cause)
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Printable returns s with Go's escapes for control characters: names in an archive
// may have anything in them.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the sentinel of e's reason.
func (e *Error) Is(target error) bool {
	return target == ErrConflict && (e.Reason == ReasonConflict || e.Reason == ReasonDamaged) ||
		target == fs.ErrNotExist && e.Reason == ReasonNotFound
}

// Permanent reports whether err is of a kind that time alone does not cure:
// a setting, a permission or a clock has to be changed. The caller still
// retries, but slowly, and says so once. Anything else is retried with backoff.
func Permanent(err error) bool {
	switch ReasonOf(err) {
	case ReasonCredentials, ReasonPermission, ReasonBucket, ReasonRegion, ReasonTLS,
		ReasonKey, ReasonClock, ReasonConflict, ReasonUnreadable, ReasonTooLarge, ReasonUnsupported, ReasonNotFound:
		return true
	}
	return false
}

// ReasonOf returns the reason of err; ReasonOther for errors of other packages
// and "" for nil.
func ReasonOf(err error) Reason {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Reason
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ReasonCanceled
	}
	return ReasonOther
}
