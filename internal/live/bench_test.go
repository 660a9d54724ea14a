package live

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// taker is a Loki that takes everything and looks at nothing.
type taker struct{}

// RoundTrip implements http.RoundTripper.
func (taker) RoundTrip(req *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, req.Body)
	req.Body.Close()
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}, err
}

// BenchmarkStream is the whole way of a line from the file to the transport.
// cpu-s/GB counts the time of all threads, whatever else runs on the machine.
func BenchmarkStream(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkStream(b, nil) })
	b.Run("redacted", func(b *testing.B) {
		policy, err := redact.NewPolicy(redact.Config{})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkStream(b, redact.New(policy, redact.Key{}).Decoded)
	})
}

func benchmarkStream(b *testing.B, replace func(dst, line []byte, e *auditline.Event) ([]byte, bool)) {
	log := bytes.Repeat(audittest.Corpus(b, "rotated.log"), 10)
	s := newStage(b, lokitest.Config{})
	s.edit = func(cfg *Config) {
		client, err := lokipush.New(lokipush.Config{URL: "http://loki.test", HTTPClient: &http.Client{Transport: taker{}}})
		if err != nil {
			b.Fatal(err)
		}
		cfg.Client, cfg.Redact = client, replace
		cfg.Window = Window{MaxAge: 1000 * 24 * time.Hour, MaxAhead: time.Hour}
	}
	s.add("0", "")
	s.start()
	s.sync()
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	before := audittest.CPUTime(b)
	for b.Loop() {
		b.StopTimer()
		begun := audittest.CPUTime(b)
		s.append("0", string(log))
		before += audittest.CPUTime(b) - begun
		b.StartTimer()
		s.sync()
	}
	b.ReportMetric((audittest.CPUTime(b)-before).Seconds()/float64(len(log)*b.N)*1e9, "cpu-s/GB")
}
