package lokipush

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decision says what to do after one attempt: one of a fixed set, fit for a metric's label.
type Decision string

// The decisions.
const (
	// Accepted: Loki has stored every entry.
	Accepted Decision = "accepted"
	// Retry: send the same bytes again after a backoff (429, 5xx, network errors, time-outs).
	Retry Decision = "retry"
	// Split: the push is larger than Loki takes; send it in smaller pieces.
	Split Decision = "split"
	// Refused: Loki will never take some of the entries; it may have stored the others (400, 422). With
	// ReasonOther the answer does not say that it is about entries: see Pusher.Deliver.
	Refused Decision = "refused"
	// Stop: nothing is accepted until someone changes a configuration (401, 403, 404, redirects, 260,
	// labels that Loki refuses, a gateway that will not pass it on). Nothing is lost by waiting: raise an alarm and try again slowly.
	Stop Decision = "stop"
)

// DecisionOf returns the decision for the result of Client.Push: Accepted for nil, that of the
// StatusError in its chain, otherwise Retry.
func DecisionOf(err error) Decision {
	if err == nil {
		return Accepted
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.Decision
	}
	return Retry
}

// Reason is why Loki refused an entry for good: one of a fixed set, fit for a metric's label.
type Reason string

// The reasons, named as Loki's own loki_discarded_samples_total names them where it has a name.
const (
	ReasonLineTooLong       Reason = "line_too_long"
	ReasonTooOld            Reason = "greater_than_max_sample_age"
	ReasonTooFarInFuture    Reason = "too_far_in_future"
	ReasonTooFarBehind      Reason = "too_far_behind"
	ReasonOutOfOrder        Reason = "out_of_order"
	ReasonMetadataTooLarge  Reason = "structured_metadata_too_large"
	ReasonMetadataTooMany   Reason = "structured_metadata_too_many"
	ReasonLargerThanMessage Reason = "larger_than_max_message" // alone larger than Loki's gRPC limit, or a gateway's
	ReasonRateLimited       Reason = "rate_limited"            // alone larger than the burst of the tenant's rate limit
	ReasonOther             Reason = "other"
)

// Reasons lists every Reason, so that a counter can be created for each before it is needed.
func Reasons() []Reason {
	return []Reason{ReasonLineTooLong, ReasonTooOld, ReasonTooFarInFuture, ReasonTooFarBehind, ReasonOutOfOrder,
		ReasonMetadataTooLarge, ReasonMetadataTooMany, ReasonLargerThanMessage, ReasonRateLimited, ReasonOther}
}

// StatusError is an answer of the server that is no success.
type StatusError struct {
	Code       int           // HTTP status
	Body       string        // start of the answer, at most 1 KiB, one line, valid UTF-8
	RetryAfter time.Duration // the server's request, at most MaxRetryAfter; 0 for nothing
	Decision   Decision      // what to do about it; never Accepted
	Reason     Reason        // for Refused, Split and a rate limit; Loki's reason for one of the entries
	Limit      int           // for Split: bytes that the answer says a push may have; 0: it does not say
	Oldest     time.Time     // for Refused: entries before it are refused for the same reason; zero: unknown
}

// Error says the status, Loki's answer, and the remedy if the user has one.
func (e *StatusError) Error() string {
	text := "loki answered " + strconv.Itoa(e.Code)
	if name := http.StatusText(e.Code); name != "" {
		text += " " + name
	}
	if e.Body != "" {
		text += ": " + e.Body
	}
	if remedy := e.Remedy(); remedy != "" {
		text += " (" + remedy + ")"
	}
	return text
}

// codeBlocked is Loki's status for "ingestion blocked": in the 2xx range, yet nothing is stored.
const codeBlocked = 260

// Remedy is what stops a refusal of everything; empty for other answers.
func (e *StatusError) Remedy() string {
	switch {
	case e.Decision != Stop:
		return ""
	case e.Code == http.StatusOK:
		return "a web page, not Loki: check the Loki URL"
	case e.Code == codeBlocked:
		return "ingestion is blocked by Loki's limits: unblock the tenant or wait"
	case e.Code >= 300 && e.Code < 400:
		return "redirects are not followed: give the final URL"
	case e.Code == http.StatusUnauthorized, e.Code == http.StatusForbidden:
		return "check the credentials and the tenant ID"
	case e.Code == http.StatusNotFound, e.Code == http.StatusMethodNotAllowed:
		return "check the path of the Loki URL"
	}
	return "check the Loki URL and the proxies before it, the tenant ID, the stream labels and Loki's limits_config"
}

// newStatusError judges an answer that is no success.
func newStatusError(code int, body, retryAfter string, now time.Time) *StatusError {
	e := &StatusError{Code: code, Body: body, RetryAfter: parseRetryAfter(retryAfter, now)}
	e.Decision = decide(code, body)
	switch {
	case code == http.StatusTooManyRequests && e.Decision == Retry && strings.Contains(strings.ToLower(body), "rate limit"):
		e.Reason = ReasonRateLimited
		if e.Limit = limitOf(rateWords, body); e.Limit > 0 {
			e.Decision = Split
		}
	case e.Decision == Split:
		e.Reason, e.Limit = ReasonLargerThanMessage, limitOf(sizeWords, body)
	case e.Decision == Refused:
		e.Reason = reasonOf(body)
		e.Oldest = oldestAccepted(e.Reason, body)
	}
	return e
}

// rateWords are how Loki says that a tenant pushes too much at once, and sizeWords how Loki, gRPC and
// gateways say that a push is too large. The numbers are the limit and the size in either order.
var (
	rateWords = regexp.MustCompile(`limit: (?P<limit>\d+) bytes/sec.* (?:totaling|total size of) '?(?P<size>\d+)'? bytes`)
	sizeWords = regexp.MustCompile(`(?:too large: |larger than max \()(?P<size>\d+)(?: bytes, limit: | vs\. )(?P<limit>\d+)`)
)

// limitOf returns the limit that an answer names, if the named size of the push is above it.
func limitOf(words *regexp.Regexp, body string) int {
	found := words.FindStringSubmatch(body)
	if found == nil {
		return 0
	}
	limit, err := strconv.Atoi(found[words.SubexpIndex("limit")])
	size, tooMany := strconv.Atoi(found[words.SubexpIndex("size")])
	if errors.Join(err, tooMany) != nil || size <= limit {
		return 0
	}
	return limit
}

func decide(code int, body string) Decision {
	switch {
	case code == http.StatusRequestEntityTooLarge, code >= 400 && isTooLarge(body):
		return Split
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		return Retry
	case code != http.StatusBadRequest && code != http.StatusUnprocessableEntity, isAboutAll(body):
		return Stop
	}
	return Refused
}

// isTooLarge knows gRPC's words for a message beyond the limit of its receiver or sender. Loki
// passes them on with status 500; gateways translate the code to 429, where waiting is no cure.
func isTooLarge(body string) bool {
	return strings.Contains(body, "larger than max")
}

// isAboutAll reports a 400 or 422 that concerns the connection, the tenant, its settings or the
// labels of the stream. No entry would ever pass: refusing them one by one would lose them all to a
// wrong setting. Pages are of gateways: Loki writes none.
func isAboutAll(body string) bool {
	return strings.HasPrefix(body, "<") || reasonOf(body) == ReasonOther && containsAny(body,
		"parsing labels", "label pair is required", "label names; limit", "label name too long", "label value too long",
		"duplicate label name", "missing required labels", "this feature is disallowed",
		"no org id", "multiple org IDs", "tenant ID", "ingestion blocked", "to an HTTPS server", "HTTPS port", "SSL certificate")
}

// reasonOf names the refusal of one entry from Loki's words (pkg/validation and the ingester).
func reasonOf(body string) Reason {
	switch {
	case containsAny(body, "max entry size", "Max entry size"):
		return ReasonLineTooLong
	case strings.Contains(body, "timestamp too old"):
		return ReasonTooOld
	case strings.Contains(body, "timestamp too new"):
		return ReasonTooFarInFuture
	case strings.Contains(body, "too far behind"):
		return ReasonTooFarBehind
	case strings.Contains(body, "out of order"):
		return ReasonOutOfOrder
	case strings.Contains(body, "structured metadata too large"):
		return ReasonMetadataTooLarge
	case strings.Contains(body, "too many structured metadata"):
		return ReasonMetadataTooMany
	}
	return ReasonOther
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// MaxRetryAfter caps the wait that a server can ask for.
const MaxRetryAfter = time.Minute

// parseRetryAfter reads both forms of the header: seconds and an HTTP date.
func parseRetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(header, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(MaxRetryAfter/time.Second))) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		return MaxRetryAfter
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// Refusal is one entry that Loki will never take.
type Refusal struct {
	Index  int          // of the entry in the delivered batch
	Reason Reason       // fit for a metric's label
	Err    *StatusError // Loki's answer to the push of this entry alone, or to one with others too old like it
}

// oneLine makes an answer fit for an error message: a terminal shows it and obeys nothing in it.
func oneLine(body []byte) string {
	mark := ""
	if len(body) > maxBodyShown {
		body, mark = body[:maxBodyShown-len(cutMark)], cutMark
	}
	unfit := func(r rune) bool { return r == ' ' || r == '\uFFFD' || !strconv.IsPrint(r) }
	return strings.Join(strings.FieldsFunc(string(body), unfit), " ") + mark
}
