package lokipush

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// Words of Loki 3.7 (pkg/validation, pkg/ingester, gRPC).
const (
	wordsLineTooLong = "Max entry size '262144' bytes exceeded for stream '{job=\"audit\"}' while adding an entry with length '300000' bytes"
	wordsTooOld      = "entry for stream '{job=\"audit\"}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-11-15T00:00:00Z"
	wordsTooNew      = "entry for stream '{job=\"audit\"}' has timestamp too new: 2030-01-01T00:00:00Z"
	wordsTooFar      = "entry with timestamp 2026-11-22 00:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2026-11-22T00:00:00Z, oldest acceptable timestamp is: 2026-11-22T10:00:00Z',\nuser 'fake', total ignored: 1 out of 10 for stream: {job=\"audit\"}"
	wordsOutOfOrder  = "entry with timestamp 2026-11-22 00:00:00 +0000 UTC ignored, reason: 'entry out of order',"
	wordsMetaLarge   = "stream '{job=\"audit\"}' has structured metadata too large: '70000' bytes, limit: '65536' bytes."
	wordsMetaMany    = "stream '{job=\"audit\"}' has too many structured metadata labels: '129', limit: '128'."
	wordsTooLarge    = "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5000000 vs. 4194304)"
	wordsRate        = "ingestion rate limit exceeded for user fake (limit: %d bytes/sec) while attempting to ingest '9' lines totaling '%d' bytes, reduce log volume"
	wordsRateField   = "ingestion rate limit exceeded for user fake (limit: %d bytes/sec) while attempting to ingest lines totaling '%d' bytes, reduce log volume"
	wordsBadLabels   = "Error parsing labels '{job=audit}' with error: parse error"
	wordsManyLabels  = "entry for stream '{…}' has 16 label names; limit 15"
	wordsNoMetadata  = "stream '{job=\"audit\"}' includes structured metadata, but this feature is disallowed."
)

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		code   int
		body   string
		want   Decision
		reason Reason
	}{
		{429, "Ingestion rate limit exceeded", Retry, ReasonRateLimited},
		{429, fmt.Sprintf(wordsRate, 1000, 1000), Retry, ReasonRateLimited},
		{429, fmt.Sprintf(wordsRate, 1000, 1001), Split, ReasonRateLimited},
		{429, fmt.Sprintf(wordsRateField, 200000, 1048000), Split, ReasonRateLimited},
		{429, "Ingestion rate limit exceeded (limit: 4096 bytes/sec) while adding 7 lines for a total size of 5000 bytes", Split, ReasonRateLimited},
		{429, "Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{}' totaling 4MB", Retry, ReasonRateLimited},
		{503, fmt.Sprintf(wordsRate, 1000, 1001), Retry, ""},
		{429, "Maximum active stream limit exceeded, reduce the number of active streams", Retry, ""},
		{429, "", Retry, ""},
		{408, "", Retry, ""},
		{425, "", Retry, ""},
		{500, "at least 1 live replicas required", Retry, ""},
		{502, "", Retry, ""}, {503, "", Retry, ""}, {504, "", Retry, ""}, {529, "", Retry, ""},
		{500, wordsTooLarge, Split, ReasonLargerThanMessage},
		{500, "trying to send message larger than max (5000000 vs. 4194304)", Split, ReasonLargerThanMessage},
		{429, wordsTooLarge, Split, ReasonLargerThanMessage},
		{413, "request body too large: 5 bytes, limit: 4 bytes", Split, ReasonLargerThanMessage},
		{400, wordsLineTooLong, Refused, ReasonLineTooLong},
		{400, wordsTooOld, Refused, ReasonTooOld},
		{400, "3 errors like: " + wordsTooOld, Refused, ReasonTooOld},
		{400, wordsTooNew, Refused, ReasonTooFarInFuture},
		{400, wordsTooFar, Refused, ReasonTooFarBehind},
		{400, wordsOutOfOrder, Refused, ReasonOutOfOrder},
		{400, wordsMetaLarge, Refused, ReasonMetadataTooLarge},
		{400, wordsMetaMany, Refused, ReasonMetadataTooMany},
		{400, "something new", Refused, ReasonOther},
		{422, "error at least one valid stream is required for ingestion", Refused, ReasonOther},
		{400, wordsBadLabels, Stop, ""},
		{400, wordsManyLabels, Stop, ""},
		{400, wordsNoMetadata, Stop, ""},
		{422, wordsNoMetadata, Stop, ""},
		{400, "tenant ID 'team a' contains unsupported character ' '", Stop, ""},
		{400, "multiple org IDs present", Stop, ""},
		{400, "ingestion blocked for user 'fake' until '2100-01-01T00:00:00Z' with status code '400'", Stop, ""},
		{422, "ingestion blocked for user 'fake' until '2100-01-01T00:00:00Z' with status code '422'", Stop, ""},
		{400, "Client sent an HTTP request to an HTTPS server.", Stop, ""},
		{400, "The plain HTTP request was sent to HTTPS port", Stop, ""},
		{400, "No required SSL certificate was sent", Stop, ""},
		{400, "<html> <head><title>400 Bad Request</title></head> <body> out of order </body> </html>", Stop, ""},
		{401, "no org id", Stop, ""}, {403, "", Stop, ""}, {404, "", Stop, ""}, {405, "", Stop, ""}, {407, "", Stop, ""},
		{260, "ingestion blocked for user fake", Stop, ""},
		{301, "larger than max", Stop, ""},
		{201, "", Stop, ""}, {202, "", Stop, ""}, {206, "", Stop, ""},
		{301, "", Stop, ""}, {307, "", Stop, ""}, {308, "", Stop, ""},
	} {
		e := newStatusError(c.code, c.body, "", time.Now())
		if e.Decision != c.want || e.Reason != c.reason {
			t.Errorf("%d %q: got %v %q, want %v %q", c.code, c.body, e.Decision, e.Reason, c.want, c.reason)
		}
		if e.Reason != "" && !slices.Contains(Reasons(), e.Reason) {
			t.Errorf("%q is not among Reasons", e.Reason)
		}
	}
}

func TestDecisionOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Decision
	}{
		{nil, Accepted},
		{errors.New("connection refused"), Retry},
		{context.DeadlineExceeded, Retry},
		{&StatusError{Decision: Stop}, Stop},
		{fmt.Errorf("wrapped: %w", &StatusError{Decision: Split}), Split},
	} {
		if got := DecisionOf(c.err); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}

func TestStatusErrorSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		code int
		body string
		want string
	}{
		{401, "no org id", "loki answered 401 Unauthorized: no org id (check the credentials and the tenant ID)"},
		{404, "", "loki answered 404 Not Found (check the path of the Loki URL)"},
		{308, "", "loki answered 308 Permanent Redirect (redirects are not followed: give the final URL)"},
		{260, "x", "loki answered 260: x (ingestion is blocked by Loki's limits: unblock the tenant or wait)"},
		{200, "", "loki answered 200 OK (a web page, not Loki: check the Loki URL)"},
		{400, wordsBadLabels, "loki answered 400 Bad Request: " + wordsBadLabels + " (check the Loki URL and the proxies before it, the tenant ID, the stream labels and Loki's limits_config)"},
		{503, "busy", "loki answered 503 Service Unavailable: busy"},
	} {
		if got := newStatusError(c.code, c.body, "", time.Now()).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                     0,
		"0":                    0,
		"7":                    7 * time.Second,
		" 7 ":                  7 * time.Second,
		"61":                   time.Minute,
		"9223372036854775807":  time.Minute,
		"99999999999999999999": time.Minute,
		"-5":                   0,
		"1.5":                  0,
		"soon":                 0,
		now.Add(20 * time.Second).Format(http.TimeFormat): 20 * time.Second,
		now.Add(time.Hour).Format(http.TimeFormat):        time.Minute,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
	} {
		if got := parseRetryAfter(header, now); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("Sun, 22 Nov 2026 12:00:00 GMT")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		if d := parseRetryAfter(header, now); d < 0 || d > MaxRetryAfter {
			t.Errorf("%q: %s", header, d)
		}
	})
}

func TestLimitOf(t *testing.T) {
	for _, c := range []struct {
		code int
		body string
		want int
	}{
		{429, fmt.Sprintf(wordsRate, 1000, 1001), 1000},
		{429, fmt.Sprintf(wordsRate, 1001, 1001), 0},
		{429, "limit: 99999999999999999999 bytes/sec ingest lines totaling '999999999999999999999' bytes", 0},
		{413, "request body too large: 5 bytes, limit: 4 bytes", 4},
		{500, wordsTooLarge, 4194304},
		{413, "<html>413 Request Entity Too Large</html>", 0},
	} {
		if got := newStatusError(c.code, c.body, "", time.Now()).Limit; got != c.want {
			t.Errorf("%d %q: limit %d, want %d", c.code, c.body, got, c.want)
		}
	}
}
