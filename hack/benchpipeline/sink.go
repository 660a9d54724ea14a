package main

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/snappy"
)

// sink is where the programs of the comparison stream to.
type sink interface {
	name() string
	base() string // http://127.0.0.1:PORT
	// count says how many lines came with this value of this label, or in all if the
	// sink does not look at labels.
	count(ctx context.Context, label, value string) (int, error)
	close()
}

// counter is a receiver on loopback that takes Loki's pushes, in protobuf and in JSON, and OTLP's, and
// counts lines. It refuses none.
type counter struct {
	server *httptest.Server
	lines  atomic.Int64
}

func newCounter() *counter {
	c := new(counter)
	c.server = httptest.NewServer(c)
	return c
}

func (c *counter) name() string { return "a receiver on loopback that counts" }
func (c *counter) base() string { return c.server.URL }
func (c *counter) count(context.Context, string, string) (int, error) {
	return int(c.lines.Load()), nil
}
func (c *counter) close() { c.server.Close() }

// ServeHTTP implements http.Handler.
func (c *counter) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost { // a health check
		return
	}
	n, err := linesOf(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.lines.Add(int64(n))
	if strings.HasPrefix(req.URL.Path, "/otlp") {
		w.Header().Set("Content-Type", "application/x-protobuf")
		return // OTLP's success is 200 with an empty message
	}
	w.WriteHeader(http.StatusNoContent)
}

// linesOf counts the lines of a push.
func linesOf(req *http.Request) (int, error) {
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return 0, fmt.Errorf("read push: %w", err)
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return 0, fmt.Errorf("read push: %w", err)
	}
	switch {
	case strings.HasPrefix(req.Header.Get("Content-Type"), "application/json"):
		return entriesOfJSON(content)
	case strings.HasPrefix(req.URL.Path, "/otlp"):
		return countFields(content, 1, 2, 2) // resource_logs, scope_logs, log_records
	}
	if content, err = snappy.Decode(nil, content); err != nil {
		return 0, fmt.Errorf("read push: %w", err)
	}
	return countFields(content, 1, 2) // streams, entries
}

func entriesOfJSON(content []byte) (n int, err error) {
	var push struct {
		Streams []struct {
			Values []json.RawMessage `json:"values"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(content, &push); err != nil {
		return 0, fmt.Errorf("read push: %w", err)
	}
	for _, stream := range push.Streams {
		n += len(stream.Values)
	}
	return n, nil
}

var errProtobuf = errors.New("read push: broken protobuf")

// countFields counts the fields of a protobuf message at the end of a path of field
// numbers.
func countFields(message []byte, path ...uint64) (n int, err error) {
	for len(message) > 0 {
		tag, size := binary.Uvarint(message)
		if size <= 0 {
			return 0, errProtobuf
		}
		message = message[size:]
		var value []byte
		if message, value, err = cutValue(message, tag&7); err != nil {
			return 0, err
		}
		if tag>>3 != path[0] || tag&7 != 2 {
			continue
		}
		if len(path) == 1 {
			n++
			continue
		}
		inner, err := countFields(value, path[1:]...)
		if err != nil {
			return 0, err
		}
		n += inner
	}
	return n, nil
}

// cutValue cuts a value of a wire type from the front of a message.
func cutValue(message []byte, wire uint64) (rest, value []byte, err error) {
	var size uint64
	switch wire {
	case 0:
		_, n := binary.Uvarint(message)
		size = uint64(max(n, 0))
		if n <= 0 {
			return nil, nil, errProtobuf
		}
	case 1:
		size = 8
	case 5:
		size = 4
	case 2:
		length, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, nil, errProtobuf
		}
		message, size = message[n:], length
	default:
		return nil, nil, errProtobuf
	}
	if size > uint64(len(message)) {
		return nil, nil, errProtobuf
	}
	return message[size:], message[:size], nil
}
