package lokitest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/snappy"
)

// Config says which entries the receiver keeps and which of Loki's limits it applies. Zero values: keep
// everything, Loki's default sizes, any timestamp, no tenant needed.
type Config struct {
	CountOnly     bool                           // keep counts and a 16-byte key for each entry instead of the entries
	MaxDistinct   int                            // keys kept at most; 1,048,576 where zero (about 40 MB)
	MaxLine       int                            // bytes; DefaultMaxLine where zero, negative: any
	MaxRequest    int                            // bytes uncompressed; DefaultMaxRequest where zero
	Burst         int                            // bytes of lines and metadata in one push; zero: any
	Rate          int                            // bytes a second that the answer to a larger push names; Burst where zero
	MaxAge        time.Duration                  // entries older than this are refused; zero: none (Loki: 7 days)
	MaxAhead      time.Duration                  // entries further in the future are refused; zero: none (Loki: 10 minutes)
	MaxBehind     time.Duration                  // entries this much older than the newest of their stream are refused; zero: none (Loki: 1 hour)
	RequireTenant bool                           // 401 without X-Scope-OrgID
	Refuse        func(line string) (why string) // a rule that Loki has not, yet; empty: take it
}

// Receiver takes pushes. It is safe for concurrent use.
type Receiver struct {
	cfg   Config
	store store

	mu     sync.Mutex
	pushes int
	faults []queuedFault
	healed chan struct{}        // closed by Heal
	newest map[string]time.Time // of each stream, for MaxBehind
}

// New returns an empty receiver without faults.
func New(cfg Config) *Receiver {
	if cfg.MaxDistinct == 0 {
		cfg.MaxDistinct = 1 << 20
	}
	if cfg.MaxLine == 0 {
		cfg.MaxLine = DefaultMaxLine
	}
	if cfg.MaxRequest == 0 {
		cfg.MaxRequest = DefaultMaxRequest
	}
	r := &Receiver{cfg: cfg, healed: make(chan struct{}), newest: map[string]time.Time{}}
	r.store.countOnly, r.store.maxDistinct = cfg.CountOnly, cfg.MaxDistinct
	r.store.reset()
	return r
}

// Lines returns every stored line in order of arrival, duplicates included; nothing when only
// counting.
func (r *Receiver) Lines() []string {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	lines := make([]string, len(r.store.entries))
	for i, e := range r.store.entries {
		lines[i] = e.Line
	}
	return lines
}

// Entries returns every stored entry in order of arrival, duplicates included; nothing when only
// counting.
func (r *Receiver) Entries() []Entry {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return slices.Clone(r.store.entries)
}

// Streams returns the label sets seen, with the number of entries stored under each.
func (r *Receiver) Streams() map[string]int {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return maps.Clone(r.store.streams)
}

// Count is the number of stored entries, duplicates included.
func (r *Receiver) Count() int {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return r.store.count
}

// Distinct is the number of stored entries as a query would show them. Beyond MaxDistinct it is an
// upper bound; see Saturated.
func (r *Receiver) Distinct() int {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return r.store.distinct
}

// Saturated reports that there were more than MaxDistinct entries, so that duplicates of the later
// ones were not recognised.
func (r *Receiver) Saturated() bool {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return r.store.saturated
}

// Bytes is the size of all stored lines, duplicates included.
func (r *Receiver) Bytes() int64 {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return r.store.bytes
}

// Digest is the checksum of the lines of all distinct entries.
func (r *Receiver) Digest() Digest {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	return r.store.digest
}

// Pushes is the number of pushes received, failed ones included.
func (r *Receiver) Pushes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pushes
}

// Reset forgets everything that was stored and counted. Faults stay.
func (r *Receiver) Reset() {
	r.store.reset()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pushes = 0
}

// WaitCount returns when at least n entries are stored, duplicates included, or with an error when
// ctx is done.
func (r *Receiver) WaitCount(ctx context.Context, n int) error {
	return r.store.wait(ctx, func() bool { return r.store.count >= n })
}

// WaitDistinct returns when at least n distinct entries are stored, or with an error when ctx is
// done.
func (r *Receiver) WaitDistinct(ctx context.Context, n int) error {
	return r.store.wait(ctx, func() bool { return r.store.distinct >= n })
}

// reply is one answer.
type reply struct {
	status int
	header http.Header
	body   string
	lost   bool // cut the connection instead of answering
}

func text(status int, body string) reply { return reply{status: status, body: body} }

// handle does one request.
func (r *Receiver) handle(req *http.Request) reply {
	switch {
	case req.URL.Path == "/ready":
		return text(http.StatusOK, "ready\n")
	case req.URL.Path != "/loki/api/v1/push":
		return text(http.StatusNotFound, "404 page not found\n")
	case req.Method != http.MethodPost:
		return text(http.StatusMethodNotAllowed, "")
	}
	fault, healed := r.nextFault()
	body, err := r.read(req, fault)
	switch {
	case err != nil:
		return text(http.StatusBadRequest, err.Error()+"\n")
	case fault.Hang:
		select {
		case <-req.Context().Done():
		case <-healed:
		}
		return reply{lost: true}
	case fault.Status != 0:
		return fault.reply()
	}
	answer := r.push(req, body)
	answer.lost = fault.LoseResponse
	return answer
}

// read takes the whole compressed push; more than it could be after compression is an error.
func (r *Receiver) read(req *http.Request, fault Fault) ([]byte, error) {
	source := io.Reader(req.Body)
	if fault.ReadDelay > 0 {
		source = slowReader{source, fault.ReadDelay}
	}
	limit := int64(2*r.cfg.MaxRequest) + 1<<20
	body, err := io.ReadAll(io.LimitReader(source, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read push: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("read push: more than %d bytes", limit)
	}
	return body, nil
}

// push decodes and admits one push.
func (r *Receiver) push(req *http.Request, body []byte) reply {
	if r.cfg.RequireTenant && req.Header.Get("X-Scope-OrgID") == "" {
		return text(http.StatusUnauthorized, wordsOf(http.StatusUnauthorized))
	}
	if kind := req.Header.Get("Content-Type"); kind != "application/x-protobuf" {
		return text(http.StatusBadRequest, fmt.Sprintf("unexpected content type %q\n", kind))
	}
	size, err := snappy.DecodedLen(body)
	if err != nil {
		return text(http.StatusBadRequest, err.Error()+"\n")
	}
	if size > r.cfg.MaxRequest {
		return text(http.StatusInternalServerError, fmt.Sprintf(
			"rpc error: code = ResourceExhausted desc = grpc: received message larger than max (%d vs. %d)\n", size, r.cfg.MaxRequest))
	}
	request, err := snappy.DecodeStrict(nil, body)
	if err != nil {
		return text(http.StatusBadRequest, err.Error()+"\n")
	}
	streams, err := Decode(request)
	if err != nil {
		return text(http.StatusBadRequest, err.Error()+"\n")
	}
	if lines, size := sizeOf(streams); r.cfg.Burst > 0 && size > r.cfg.Burst {
		return text(http.StatusTooManyRequests, fmt.Sprintf("ingestion rate limit exceeded for user fake (limit: %d bytes/sec) while attempting to ingest "+
			"'%d' lines totaling '%d' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased\n",
			cmp.Or(r.cfg.Rate, r.cfg.Burst), lines, size))
	}
	return r.admit(streams)
}

// sizeOf has the sizes that Loki's rate limit counts.
func sizeOf(streams []Stream) (lines, bytes int) {
	for _, s := range streams {
		for _, e := range s.Entries {
			lines, bytes = lines+1, bytes+len(e.Line)
			for _, pair := range e.Metadata {
				bytes += len(pair.Name) + len(pair.Value)
			}
		}
	}
	return lines, bytes
}
