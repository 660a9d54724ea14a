package loki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// tenants have one limit each that the shipped configuration leaves wide.
const tenants = `overrides:
  blocked: {block_ingestion_until: "2100-01-01T00:00:00Z"}
  blocked400: {block_ingestion_until: "2100-01-01T00:00:00Z", block_ingestion_status_code: 400}
  blocked422: {block_ingestion_until: "2100-01-01T00:00:00Z", block_ingestion_status_code: 422}
  slow: {ingestion_rate_mb: 0.01, ingestion_burst_size_mb: 0.02}
  smallburst: {ingestion_rate_mb: 10, ingestion_burst_size_mb: 0.02}
  onestream: {max_global_streams_per_user: 1}
  onelabel: {max_label_names_per_series: 1}
  fewpairs: {max_structured_metadata_entries_count: 3}
  smallpairs: {max_structured_metadata_size: 64B}
  anyline: {max_line_size: 0}
`

// grpcLimit is the largest push that the Loki of these tests takes: less than
// a full batch, so that the answer to a push that is too large can be provoked.
const grpcLimit = 600 << 10

// startWithTenants starts the shipped configuration with authentication and
// limits of a tenant's own.
func startWithTenants(t *testing.T) *lokiserver.Server {
	t.Helper()
	overrides := filepath.Join(t.TempDir(), "overrides.yaml")
	if err := os.WriteFile(overrides, []byte(tenants), 0o600); err != nil {
		t.Fatal(err)
	}
	return lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml", Args: []string{
		"-auth.enabled=true", "-runtime-config.file=" + overrides,
		fmt.Sprintf("-server.grpc-max-recv-msg-size-bytes=%d", grpcLimit),
	}})
}

// answer is the expected answer to a push, and its meaning.
type answer struct {
	code     int
	text     string // within the body
	decision lokipush.Decision
	reason   lokipush.Reason
}

func TestStatuses(t *testing.T) {
	server := startWithTenants(t)
	t.Run("accepted", func(t *testing.T) {
		if err := newClient(t, server.URL, "free").Push(t.Context(), batchOf(t, "accepted", good(1))); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused", func(t *testing.T) { refusedEntries(t, server) })
	t.Run("whole push", func(t *testing.T) { wholePushes(t, server) })
	t.Run("empty push", func(t *testing.T) { emptyPush(t, server) })
	t.Run("invalid UTF-8", func(t *testing.T) { invalidUTF8(t, server) })
}

// line is one entry to push.
type line struct {
	at     time.Time
	text   string
	fields lokipush.Fields
}

func good(n int) line {
	text := fmt.Sprintf(`{"kind":"Event","auditID":"%d"}`, n)
	return line{time.Now().Add(-time.Duration(1000-n) * time.Millisecond), text, lokipush.Fields{Verb: []byte("get")}}
}

func batchOf(t *testing.T, cluster string, lines ...line) *lokipush.Batch {
	t.Helper()
	labels, err := lokipush.NewLabels(map[string]string{"job": "audit", "cluster": cluster})
	if err != nil {
		t.Fatal(err)
	}
	b := lokipush.NewBatch(labels)
	for i := range lines {
		if !b.Add(lines[i].at, []byte(lines[i].text), &lines[i].fields) {
			t.Fatalf("entry %d does not fit into the batch", i)
		}
	}
	return b
}

func newClient(t *testing.T, url, tenant string) *lokipush.Client {
	t.Helper()
	client, err := lokipush.New(lokipush.Config{URL: url, TenantID: tenant})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// check compares the error of a push with the expected one.
func (want answer) check(t *testing.T, err error) {
	t.Helper()
	status, ok := errors.AsType[*lokipush.StatusError](err)
	if !ok {
		t.Fatalf("got %v, want status %d", err, want.code)
	}
	if status.Code != want.code || !strings.Contains(status.Body, want.text) {
		t.Errorf("Loki answered %d %q, want %d with %q", status.Code, status.Body, want.code, want.text)
	}
	if status.Decision != want.decision || status.Reason != want.reason {
		t.Errorf("%d %q means %v %q, want %v %q", status.Code, status.Body, status.Decision, status.Reason, want.decision, want.reason)
	}
}

// refusedEntries pushes one entry that Loki refuses between two that it takes:
// the two are stored, the one is named with its reason.
func refusedEntries(t *testing.T, server *lokiserver.Server) {
	many := lokipush.Fields{User: []byte("user-of-some-length"), Verb: []byte("get"), Resource: []byte("configmaps"), Name: []byte(strings.Repeat("n", 60))}
	refused := func(text string, reason lokipush.Reason) answer {
		return answer{http.StatusBadRequest, text, lokipush.Refused, reason}
	}
	for _, test := range []struct {
		name, tenant string
		bad          line
		want         answer
	}{
		{"too long", "free", line{time.Now(), strings.Repeat("x", lokiLimit+1), lokipush.Fields{}}, refused("max entry size", lokipush.ReasonLineTooLong)},
		{"too old", "free", line{time.Now().Add(-8 * 24 * time.Hour), "old", lokipush.Fields{}}, refused("too old", lokipush.ReasonTooOld)},
		{"too far ahead", "free", line{time.Now().Add(20 * time.Minute), "ahead", lokipush.Fields{}}, refused("too new", lokipush.ReasonTooFarInFuture)},
		{"too far behind", "free", line{time.Now().Add(-2 * time.Hour), "behind", lokipush.Fields{}}, refused("too far behind", lokipush.ReasonTooFarBehind)},
		{"too many pairs", "fewpairs", line{time.Now(), "pairs", many}, refused("structured metadata", lokipush.ReasonMetadataTooMany)},
		{"too large pairs", "smallpairs", line{time.Now(), "pairs", many}, refused("structured metadata", lokipush.ReasonMetadataTooLarge)},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, cluster := newClient(t, server.URL, test.tenant), strings.ReplaceAll(test.name, " ", "-")
			if err := client.Push(t.Context(), batchOf(t, cluster, good(0))); err != nil {
				t.Fatal(err)
			}
			test.want.check(t, client.Push(t.Context(), batchOf(t, cluster, test.bad)))
			pusher := lokipush.NewPusher(client, lokipush.PusherConfig{})
			got, err := pusher.Deliver(t.Context(), batchOf(t, cluster, good(1), test.bad, good(2)))
			if err != nil || len(got) != 1 || got[0].Index != 1 || got[0].Reason != test.want.reason {
				t.Errorf("refused %v, %v; want the middle one, %s", got, err, test.want.reason)
			}
			if n := stored(t, server, test.tenant, cluster); n != 3 {
				t.Errorf("Loki has %d of the 3 good lines", n)
			}
		})
	}
}

// stored counts the lines of a tenant's stream. It asks for no more of a line
// than a letter: an answer beyond the limit would not come either.
func stored(t *testing.T, server *lokiserver.Server, tenant, cluster string) int {
	t.Helper()
	as := *server
	as.Tenant = tenant
	rows, err := as.All(t.Context(), `{job="audit", cluster="`+cluster+`"} | line_format "x"`, time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

// wholePushes are those of which nothing is stored.
func wholePushes(t *testing.T, server *lokiserver.Server) {
	if err := newClient(t, server.URL, "onestream").Push(t.Context(), batchOf(t, "first", good(0))); err != nil {
		t.Fatal(err)
	}
	bulk := func(n, size int) (lines []line) {
		for i := range n {
			l := good(i)
			l.text = fmt.Sprintf("%d ", i) + strings.Repeat("x", size)
			lines = append(lines, l)
		}
		return lines
	}
	for _, test := range []struct {
		name, path, tenant string
		lines              []line
		want               answer
		whole              int // lines that Loki has after Deliver; -1: Deliver keeps trying
	}{
		{"blocked", "", "blocked", bulk(1, 10), answer{260, "block", lokipush.Stop, ""}, -1},
		{"blocked with 400", "", "blocked400", bulk(3, 10), answer{400, "ingestion blocked", lokipush.Stop, ""}, -1},
		{"blocked with 422", "", "blocked422", bulk(3, 10), answer{422, "ingestion blocked", lokipush.Stop, ""}, -1},
		{"a tenant that cannot be", "", "team a", bulk(3, 10), answer{400, "tenant ID", lokipush.Stop, ""}, -1},
		{"two tenants", "", "a|b", bulk(3, 10), answer{400, "multiple org IDs", lokipush.Stop, ""}, -1},
		{"no tenant", "", "", bulk(1, 10), answer{401, "no org id", lokipush.Stop, ""}, -1},
		{"wrong path", "/nowhere/push", "free", bulk(1, 10), answer{404, "", lokipush.Stop, ""}, -1},
		{"too many labels", "", "onelabel", bulk(1, 10), answer{400, "label names", lokipush.Stop, ""}, -1},
		{"too many streams", "", "onestream", bulk(1, 10), answer{429, "stream limit", lokipush.Retry, ""}, -1},
		{"tenant's rate", "", "slow", bulk(4, 10_000), answer{429, "rate limit", lokipush.Split, lokipush.ReasonRateLimited}, 4},
		{"one line above the tenant's rate", "", "slow", bulk(1, 30_000), answer{429, "rate limit", lokipush.Split, lokipush.ReasonRateLimited}, -1}, // refused after minutes
		{"tenant's burst below its rate", "", "smallburst", bulk(4, 10_000), answer{429, "rate limit", lokipush.Retry, lokipush.ReasonRateLimited}, 4},
		{"larger than max", "", "free", bulk(10, 100_000), answer{500, "larger than max", lokipush.Split, lokipush.ReasonLargerThanMessage}, 10},
		{"one line larger than max", "", "anyline", bulk(1, 800_000), answer{500, "larger than max", lokipush.Split, lokipush.ReasonLargerThanMessage}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, cluster := newClient(t, server.URL+test.path, test.tenant), strings.ReplaceAll(test.name, " ", "-")
			batch := batchOf(t, cluster, test.lines...)
			test.want.check(t, client.Push(t.Context(), batch))
			pusher := lokipush.NewPusher(client, lokipush.PusherConfig{})
			limit := catchUp
			if test.whole < 0 { // it is retried for ever
				limit = 2 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			refused, err := pusher.Deliver(ctx, batch)
			if test.whole < 0 {
				if err == nil || len(refused) > 0 {
					t.Errorf("Deliver gave up: %v, %v", refused, err)
				}
				return
			}
			if err != nil || len(refused) != len(test.lines)-test.whole || stored(t, server, test.tenant, cluster) != test.whole {
				t.Errorf("refused %v, %v, Loki has %d; want %d there", refused, err, stored(t, server, test.tenant, cluster), test.whole)
			}
		})
	}
}

// emptyPush takes the entries out of a push on its way: the client never sends
// one without.
func emptyPush(t *testing.T, server *lokiserver.Server) {
	url := changed(t, server, func([]byte) []byte { return []byte("\x00") }) // snappy: zero bytes
	err := newClient(t, url, "free").Push(t.Context(), batchOf(t, "empty", good(0)))
	answer{http.StatusUnprocessableEntity, "", lokipush.Refused, lokipush.ReasonOther}.check(t, err)
}

// invalidUTF8 pushes a line that is not UTF-8 between two others, as lokipush
// makes it and, changed on its way, as it is: Loki takes and shows both alike.
func invalidUTF8(t *testing.T, server *lokiserver.Server) {
	raw := changed(t, server, func(body []byte) []byte {
		plain, err := s2.Decode(nil, body)
		if err != nil {
			t.Error(err)
		}
		return s2.EncodeSnappy(nil, bytes.ReplaceAll(plain, []byte("#"), []byte("\xff")))
	})
	for cluster, c := range map[string]struct{ url, text string }{"mended": {server.URL, "a\xffb"}, "raw": {raw, "a#b"}} {
		bad := line{time.Now(), c.text, lokipush.Fields{}}
		refused, err := lokipush.NewPusher(newClient(t, c.url, "free"), lokipush.PusherConfig{}).Deliver(t.Context(), batchOf(t, cluster, good(1), bad, good(2)))
		if err != nil || len(refused) > 0 {
			t.Errorf("%s: %v, %v", cluster, refused, err)
		}
		as := *server
		as.Tenant = "free"
		rows, err := as.All(t.Context(), `{job="audit", cluster="`+cluster+`"}`, time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
		if err != nil || len(rows) != 3 || !slices.ContainsFunc(rows, func(e lokiserver.Entry) bool { return e.Line == "a\ufffdb" }) {
			t.Errorf("%s: Loki has %q, %v", cluster, rows, err)
		}
	}
}

// changed is the URL of a proxy before Loki that changes the body of each push.
func changed(t *testing.T, server *lokiserver.Server, change func(body []byte) []byte) string {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out, err := http.NewRequestWithContext(req.Context(), http.MethodPost, server.URL+req.URL.Path, bytes.NewReader(change(body)))
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = req.Header.Clone()
		resp, err := http.DefaultClient.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
