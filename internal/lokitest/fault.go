package lokitest

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// Fault is a fault of one push. The zero Fault is a push without fault.
type Fault struct {
	// Status answers with this status and Body, and stores nothing.
	Status int
	// Body is the text of the answer; Loki's own where empty and known.
	Body string
	// RetryAfter is sent with Status, in whole seconds.
	RetryAfter time.Duration
	// Location is sent with Status, for redirects.
	Location string
	// Hang reads the push and never answers: until the client gives up or Heal.
	Hang bool
	// LoseResponse handles the push as usual, stores it, and cuts the connection instead of answering.
	LoseResponse bool
	// ReadDelay is slept before each 32 KiB of the push are read.
	ReadDelay time.Duration
}

// forever is the number of pushes of a fault that ends only with Heal.
const forever = -1

type queuedFault struct {
	fault Fault
	left  int
}

// Inject makes the next n pushes fail this way, after those of earlier calls; a negative n means all
// of them until Heal.
func (r *Receiver) Inject(n int, fault Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n != 0 {
		r.faults = append(r.faults, queuedFault{fault, max(n, forever)})
	}
}

// Heal ends all faults and lets go of hanging pushes: their connections are cut.
func (r *Receiver) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
	close(r.healed)
	r.healed = make(chan struct{})
}

// nextFault takes the fault of one push, and the channel that Heal closes.
func (r *Receiver) nextFault() (Fault, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pushes++
	if len(r.faults) == 0 {
		return Fault{}, r.healed
	}
	first := &r.faults[0]
	fault := first.fault
	if first.left > 0 {
		if first.left--; first.left == 0 {
			r.faults = r.faults[1:]
		}
	}
	return fault, r.healed
}

// reply is the injected answer.
func (f Fault) reply() reply {
	header := http.Header{}
	if f.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	if f.Location != "" {
		header.Set("Location", f.Location)
	}
	body := f.Body
	if body == "" {
		body = wordsOf(f.Status)
	}
	return reply{status: f.Status, header: header, body: body}
}

// wordsOf has Loki 3.7's message of a status.
func wordsOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "no org id\n"
	case http.StatusTooManyRequests:
		return "Ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while attempting to ingest '1000' lines totaling '1048576' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased\n"
	case 260:
		return "ingestion blocked for user fake until '2100-01-01T00:00:00Z' with status code '260'\n"
	case http.StatusInternalServerError:
		return "at least 1 live replicas required, could only find 0 - unhealthy instances: 127.0.0.1:9095\n"
	}
	return http.StatusText(status) + "\n"
}

// slowReader sleeps before every 32 KiB.
type slowReader struct {
	io.Reader
	delay time.Duration
}

// Read reads at most 32 KiB.
func (s slowReader) Read(p []byte) (int, error) {
	time.Sleep(s.delay)
	return s.Reader.Read(p[:min(len(p), 32<<10)])
}
