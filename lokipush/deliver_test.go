package lokipush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grafana/dskit/backoff"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// TestI6_DeliverSettlesEveryEntry delivers through random faults: an entry is stored or among the
// refusals when Deliver returns, never neither, never both.
func TestI6_DeliverSettlesEveryEntry(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 6))
			r := lokitest.New(lokitest.Config{MaxLine: 150, MaxRequest: 3000})
			p := newTestPusher(t, r, backoff.Config{}, nil)
			for range 5 {
				injectRandom(r, random)
				b := newTestBatch(t, bounds{})
				var lines []string
				for range random.IntN(60) {
					lines = append(lines, fmt.Sprintf("%d %s", random.Uint64(), strings.Repeat("x", random.IntN(140))))
					b.Add(time.Unix(int64(len(lines)), 0), []byte(lines[len(lines)-1]), nil)
				}
				r.Reset()
				refused, err := p.Deliver(t.Context(), b)
				if err != nil {
					t.Fatal(err)
				}
				settled := r.Lines()
				for _, refusal := range refused {
					if line := lines[refusal.Index]; slices.Contains(settled, line) {
						t.Errorf("seed %d: stored and refused: %q", seed, line)
					}
					settled = append(settled, lines[refusal.Index])
				}
				slices.Sort(lines)
				slices.Sort(settled)
				if settled = slices.Compact(settled); !slices.Equal(settled, lines) {
					t.Errorf("seed %d: %d entries settled of %d", seed, len(settled), len(lines))
				}
			}
		})
	}
}

func injectRandom(r *lokitest.Receiver, random *rand.Rand) {
	faults := []lokitest.Fault{{Status: 429}, {Status: 503, RetryAfter: time.Second}, {Status: 500}, {Status: 502}, {Hang: true},
		{LoseResponse: true}, {Status: 401}, {Status: 260}, {Status: 307}, {}}
	for range random.IntN(12) {
		fault := faults[random.IntN(len(faults))]
		r.Inject(1+random.IntN(3), fault)
	}
}

// TestDeliverOverTCP delivers to a real server that loses answers, closes the connection of a
// hanging push and stops.
func TestDeliverOverTCP(t *testing.T) {
	r := lokitest.New(lokitest.Config{MaxLine: 1000})
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.Pushes() == 2 { // the next one hangs
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Error(err)
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			go server.CloseClientConnections()
		}
		r.ServeHTTP(w, req)
	})
	server.Start()
	defer server.Close()
	client := newTestClient(t, Config{URL: server.URL}, server.Client().Transport)
	client.timeout = time.Minute
	p := NewPusher(client, PusherConfig{})
	p.backoff = backoff.Config{MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond}
	r.Inject(2, lokitest.Fault{LoseResponse: true})
	r.Inject(1, lokitest.Fault{Hang: true})
	r.Inject(1, lokitest.Fault{Status: 429})
	refused, err := p.Deliver(t.Context(), batchOf(t, "a", strings.Repeat("x", 1001), "b"))
	if err != nil || len(refused) != 1 || refused[0].Index != 1 {
		t.Errorf("got %v, %v", refused, err)
	}
	want := map[string]int{testStream: r.Count()}
	if r.Distinct() != 2 || r.Count() < 6 || !reflect.DeepEqual(r.Streams(), want) {
		t.Errorf("%d distinct of %d entries in %v", r.Distinct(), r.Count(), r.Streams())
	}
	server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Deliver(ctx, batchOf(t, "c")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) {
		t.Errorf("server gone: %v", err)
	}
}
