package live

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// stage is a source of segments, a Loki, and a Live between them.
type stage struct {
	t        testing.TB
	dir      string
	segments []rotate.Segment
	loki     *lokitest.Receiver
	poke     chan struct{}
	mu       sync.Mutex
	reports  []error
	notes    []string
	gaps     []ledger.Gap
	onPass   func() // nil: nothing

	edit   func(*Config) // of start's settings
	ledger *ledger.Ledger
	live   *Live
}

// Held implements rotate.Source.
func (s *stage) Held() ([]rotate.Segment, error) {
	listed := slices.Clone(s.segments)
	for i := range listed {
		info, err := os.Stat(listed[i].Path)
		if err != nil {
			return nil, err
		}
		listed[i].Size = info.Size()
	}
	return listed, nil
}

func newStage(t testing.TB, cfg lokitest.Config) *stage {
	return &stage{t: t, dir: t.TempDir(), loki: lokitest.New(cfg), poke: make(chan struct{}, 1)}
}

func (s *stage) path(id string) string { return filepath.Join(s.dir, id) }

// add begins a segment; the one before it is finished.
func (s *stage) add(id, text string) {
	s.t.Helper()
	if n := len(s.segments); n > 0 {
		s.segments[n-1].Finished = true
	}
	s.segments = append(s.segments, rotate.Segment{ID: id, Name: id, Path: s.path(id)})
	s.append(id, text)
	if s.ledger != nil {
		s.addEntry(id)
	}
}

func (s *stage) addEntry(id string) {
	s.t.Helper()
	if _, have := s.ledger.Get(id); have {
		return
	}
	if err := s.ledger.Add(ledger.Entry{ID: id, Name: id, State: ledger.Held, Loki: true}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) append(id, text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.path(id), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// start begins to stream where the cursor file says, as a new process does.
func (s *stage) start() {
	s.t.Helper()
	var err error
	if s.ledger, _, err = ledger.Open(durable.OS(), s.dir, "", time.Now()); err != nil {
		s.t.Fatal(err)
	}
	for _, segment := range s.segments {
		s.addEntry(segment.ID)
	}
	file := ledger.NewCursorFile(durable.OS(), s.dir)
	cursor, _, err := file.Load(time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := lokipush.New(lokipush.Config{URL: "http://loki.test", HTTPClient: &http.Client{Transport: s.loki.Transport()}})
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := Config{
		Source: s, Poke: s.poke, Client: client, Labels: map[string]string{"job": "audit", "cluster": "c", "node": "n"},
		MaxLineBytes: 256 << 10, BatchWait: 500 * time.Millisecond, Ledger: s.ledger, CursorFile: file, Cursor: cursor,
		Events: recorder{s}, Registry: prometheus.NewRegistry(),
	}
	if s.edit != nil {
		s.edit(&cfg)
	}
	if s.live, err = New(cfg); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.live.Close() })
}

// observe stores the reports, by any goroutine.
// recorder stores the stream's reports in the stage.
type recorder struct{ *stage }

func (r recorder) Pass(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, err)
	if r.onPass != nil {
		r.onPass()
	}
}

func (r recorder) Note(event string, err error) {
	r.notes = append(r.notes, fmt.Sprint(event, ": ", err))
}
func (recorder) Released() {}
func (r recorder) Gap(gap ledger.Gap) {
	r.gaps = append(r.gaps, gap)
}

func (s *stage) sync() {
	s.t.Helper()
	if err := s.live.Sync(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// cursor is the content of the cursor file.
func (s *stage) cursor() ledger.Cursor {
	s.t.Helper()
	c, _, err := ledger.NewCursorFile(durable.OS(), s.dir).Load(time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// lines are the lines that Loki has, duplicates included.
func (s *stage) lines() []string {
	var lines []string
	for _, e := range s.loki.Entries() {
		lines = append(lines, e.Line)
	}
	return lines
}

// wantLines compares the lines that Loki has, each once, in any order: several
// pushes are under way at once.
func (s *stage) wantLines(want ...string) {
	s.t.Helper()
	got := s.lines()
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	s.t.Errorf("Loki has %d lines, want %d; from line %d in their order: %.300q, want %.300q", len(got), len(want), i,
		strings.Join(got[i:], "\n"), strings.Join(want[i:], "\n"))
}
