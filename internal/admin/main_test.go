package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a Health whose clock stands still and whose log is kept.
type fixture struct {
	*Health
	registry *prometheus.Registry
	log      audittest.Log

	mu    sync.Mutex
	clock time.Time
}

func newFixture() *fixture {
	r := &fixture{registry: prometheus.NewRegistry(), clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	r.Health = NewHealth(zerolog.New(&r.log).Level(zerolog.InfoLevel), r.registry, r.now)
	return r
}

func (r *fixture) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

// config is a server's, over the fixture.
func (r *fixture) config(address string) Config {
	return Config{
		Address: address, Health: r.Health, Metrics: r.registry, Log: zerolog.New(&r.log),
		Report: func() Report {
			return Report{Version: "v1", Cluster: "production", Node: "cp-1", Input: Input{State: Working}}
		},
	}
}

// readyz answers as a server over the fixture does.
func (r *fixture) readyz(w http.ResponseWriter, req *http.Request) {
	cfg := r.config("")
	(&board{health: cfg.Health, metrics: cfg.Metrics, report: cfg.Report}).readyz(w, req)
}

// pass moves the clock.
func (r *fixture) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = r.clock.Add(d)
}

// ask is one request to a handler.
func ask(handler http.HandlerFunc, target string) (code int, body string) {
	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Code, w.Body.String()
}

// logLine has the fields of a log line that tests compare.
type logLine struct {
	Level, Loop, Message, Error string
	After                       float64 // ms
	Attempts                    int
}

// taken returns the lines of the log since the last call.
func (r *fixture) taken(t *testing.T) (lines []logLine) {
	t.Helper()
	for dec := json.NewDecoder(strings.NewReader(r.log.Take())); dec.More(); {
		var l logLine
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}
