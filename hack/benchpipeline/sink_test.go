package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klauspost/compress/snappy"
)

func TestCounter(t *testing.T) {
	// Two streams, of two entries and of one; each entry is empty.
	loki := []byte("\x0a\x07\x0a\x01x\x12\x00\x12\x00" + "\x0a\x02\x12\x00")
	// One resource with two scopes: two records and one. The first field of a scope is
	// not a record.
	otlp := []byte("\x0a\x0c" + "\x12\x06\x0a\x00\x12\x00\x12\x00" + "\x12\x02\x12\x00")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(otlp); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path, kind, encoding string
		body                 []byte
		status, lines        int
	}{
		"JSON": {"/loki/api/v1/push", "application/json", "",
			[]byte(`{"streams":[{"stream":{"job":"audit"},"values":[["1","a"],["2","b",{"k":"v"}]]},{"stream":{},"values":[]}]}`), http.StatusNoContent, 2},
		"half of a JSON":       {"/loki/api/v1/push", "application/json", "", []byte(`{"streams":`), http.StatusBadRequest, 0},
		"protobuf":             {"/loki/api/v1/push", "application/x-protobuf", "", snappy.Encode(nil, loki), http.StatusNoContent, 3},
		"half of a protobuf":   {"/loki/api/v1/push", "application/x-protobuf", "", snappy.Encode(nil, loki[:5]), http.StatusBadRequest, 0},
		"no snappy":            {"/loki/api/v1/push", "application/x-protobuf", "", loki, http.StatusBadRequest, 0},
		"OTLP":                 {"/otlp/v1/logs", "application/x-protobuf", "", otlp, http.StatusOK, 3},
		"OTLP in gzip":         {"/otlp/v1/logs", "application/x-protobuf", "gzip", packed.Bytes(), http.StatusOK, 3},
		"OTLP that is no gzip": {"/otlp/v1/logs", "application/x-protobuf", "gzip", otlp, http.StatusBadRequest, 0},
	} {
		c := newCounter()
		req := httptest.NewRequest(http.MethodPost, test.path, bytes.NewReader(test.body))
		req.Header.Set("Content-Type", test.kind)
		req.Header.Set("Content-Encoding", test.encoding)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, req)
		got, err := c.count(t.Context(), "", "")
		if err != nil || w.Code != test.status || got != test.lines {
			t.Errorf("%s: status %d, %d lines, %v; want %d, %d", name, w.Code, got, err, test.status, test.lines)
		}
		c.close()
	}
}

func TestCountIn(t *testing.T) {
	for answer, want := range map[string]int{
		`{"status":"success","data":{"resultType":"vector","result":[]}}`:                                          0,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1764571000.1,"42"]}]}}`: 42,
	} {
		if got, err := countIn([]byte(answer)); err != nil || got != want {
			t.Errorf("%s: %d, %v", answer, got, err)
		}
	}
	if _, err := countIn([]byte(`{`)); err == nil {
		t.Error("half an answer: no error")
	}
}
