package lokipush

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/grafana/dskit/backoff"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// A packed batch is the same push, and gives the same entries when they are needed.
func TestPack(t *testing.T) {
	b := newTestBatch(t, bounds{})
	var r reader
	var scratch []byte
	n := 0
	check := func() {
		var packed *Packed
		packed, scratch = b.Pack(scratch)
		request, err := s2.Decode(nil, packed.data)
		if err != nil || !bytes.Equal(request, b.request()) || packed.Len() != b.Len() || packed.Bytes() != b.Bytes() {
			t.Fatalf("%v; %d entries, %d bytes; want %d, %d", err, packed.Len(), packed.Bytes(), b.Len(), b.Bytes())
		}
		if b.Len() > 1000 && len(packed.data) > b.Bytes()/3 {
			t.Errorf("%d bytes for %d", len(packed.data), b.Bytes())
		}
		whole, err := packed.unpacked()
		if err != nil || !bytes.Equal(whole.request(), b.request()) || fmt.Sprint(whole.ends) != fmt.Sprint(b.ends) {
			t.Fatalf("unpacked: %v; %d entries, want %d", err, whole.Len(), b.Len())
		}
		b.Reset()
		n++
	}
	log, err := audittest.ReadCorpus("rotated.log")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		fields, _ := r.read(line)
		for !b.Add(fields.StageTimestamp, line, fields) {
			check()
		}
	}
	check()
	b.Add(time.Unix(0, 0), bytes.Repeat([]byte("x"), 3<<20), nil)
	check()
	if n < 5 || scratch != nil {
		t.Errorf("%d batches; %d bytes of scratch are kept after a huge one", n, cap(scratch))
	}
}

// Retries, splits and refusals of a packed batch are those of any other.
func TestDeliverPacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{MaxLine: 100, MaxRequest: 1000, MaxAge: time.Hour})
		r.Inject(2, lokitest.Fault{Status: http.StatusServiceUnavailable})
		r.Inject(1, lokitest.Fault{LoseResponse: true})
		b := newTestBatch(t, bounds{})
		for i := range 40 {
			line, age := fmt.Sprint("line ", i), time.Duration(0)
			switch i {
			case 7, 30:
				line += strings.Repeat("x", 100)
			case 12:
				age = 2 * time.Hour
			}
			b.Add(time.Now().Add(-age), []byte(line), nil)
		}
		packed, _ := b.Pack(nil)
		refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(t.Context(), packed)
		var got []int
		for _, refusal := range refused {
			got = append(got, refusal.Index)
		}
		if err != nil || fmt.Sprint(got) != "[7 12 30]" || r.Distinct() != 37 {
			t.Errorf("refused %v, %v; %d stored", got, err, r.Distinct())
		}
	})
}
