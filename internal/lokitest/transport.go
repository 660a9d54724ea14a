package lokitest

import (
	"io"
	"net/http"
	"strings"
)

// ServeHTTP answers POST /loki/api/v1/push and /ready.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	answer := r.handle(req)
	if answer.lost {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
		return
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	if answer.body != "" && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// Transport returns a round tripper that hands requests to the receiver without a network: for
// tests with fake time. A lost answer is io.ErrUnexpectedEOF, a request whose context ends meanwhile
// fails with the context's error.
func (r *Receiver) Transport() http.RoundTripper { return transport{r} }

type transport struct{ receiver *Receiver }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer req.Body.Close()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	answer := t.receiver.handle(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if answer.lost {
		return nil, io.ErrUnexpectedEOF
	}
	header := answer.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status, Header: header, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(answer.body)), ContentLength: int64(len(answer.body)),
	}, nil
}
