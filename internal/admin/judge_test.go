package admin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scene is a board over the loops of a whole sidecar, all of them well.
type scene struct {
	*fixture
	*board
	loops    map[string]*Loop
	gauges   map[string]prometheus.Gauge
	reported Report
}

func newScene() *scene {
	r := newFixture()
	s := &scene{fixture: r, loops: map[string]*Loop{}, gauges: map[string]prometheus.Gauge{}}
	s.reported = Report{Version: "v1", Cluster: "production", Node: "cp-1", Archive: "s3://bucket/logs", Loki: "http://loki:3100", MaxLag: 15 * time.Minute}
	for _, name := range []string{"start", "watch"} {
		s.loops[name] = r.Quiet(name)
	}
	for _, name := range []string{"hold", "archive", "loki"} {
		s.loops[name] = r.Loop(name)
	}
	for _, l := range s.loops {
		l.Observe(nil)
	}
	s.board = &board{health: r.Health, metrics: r.registry, report: func() Report { return s.reported }}
	for name, value := range map[string]float64{"loki_lag_seconds": 1, "loki_lag_bytes": 100, "archive_lag_seconds": 400, "held_budget_max_bytes": 1e9} {
		s.set(name, value)
	}
	return s
}

// set sets a metric.
func (s *scene) set(name string, value float64) {
	if s.gauges[name] == nil {
		s.gauges[name] = prometheus.NewGauge(prometheus.GaugeOpts{Name: namespace + name})
		s.registry.MustRegister(s.gauges[name])
	}
	s.gauges[name].Set(value)
}

// alive lets time pass in which all loops but those named turn.
func (s *scene) alive(d time.Duration, but ...string) {
	s.pass(d)
	for name, l := range s.loops {
		if !strings.Contains(strings.Join(but, " "), name) {
			l.Observe(nil)
		}
	}
}

func TestJudge(t *testing.T) {
	unavailable := errors.New(`push: Post "http://loki:3100/x": connection refused`)
	for _, test := range []struct {
		name     string
		set      func(*scene)
		level    Level
		headline string
		says     string // somewhere in the rest
	}{
		{"well", func(*scene) {}, Good, "All is well: 1 s behind, 0 lost", "Loki is 1 s behind, the archive is 6 min behind (it gets what is not rotated after 15 min). Nothing was lost since the start"},
		{"no Loki", func(s *scene) { s.reported.Loki = "" }, Good, "All is well: 6 min behind, 0 lost", "The archive is 6 min behind"},
		{"Loki away for a moment", func(s *scene) { s.loops["loki"].Observe(unavailable); s.alive(time.Minute, "loki") }, Warn, "Loki has taken nothing for 60 s", "connection refused"},
		{"Loki away", func(s *scene) { s.loops["loki"].Observe(unavailable); s.alive(7*time.Minute, "loki") }, Bad, "Loki has taken nothing for 7 min", "The archive continues meanwhile"},
		{"Loki late", func(s *scene) { s.set("loki_lag_seconds", 200) }, Warn, "Loki is 3 min behind", "miss lines that arrive late"},
		{"the archive away", func(s *scene) {
			s.set("archive_pending_files", 3)
			s.loops["archive"].Observe(unavailable)
			s.alive(7*time.Minute, "archive")
		}, Bad, "The archive has taken nothing for 7 min", "3 finished files wait on this node"},
		{"the archive late", func(s *scene) { s.set("archive_lag_seconds", 1300) }, Warn, "The archive is 21 min behind", "more slowly"},
		{"a file waits long", func(s *scene) { s.set("archive_oldest_pending_seconds", 1900) }, Warn, "The archive is 31 min behind", ""},
		{"the budget", func(s *scene) { s.set("held_budget_used_bytes", 8.1e8) }, Bad, "Held files use 81 % of their disk budget", "--held-max-bytes"},
		{"cannot start", func(s *scene) { s.loops["start"].Observe(errors.New("no audit directory")) }, Bad, "It cannot start yet", "no audit directory"},
		{"not held", func(s *scene) { s.loops["hold"].Observe(errors.New("no space left")) }, Bad, "The log is not held", "no space left"},
		{"a hang", func(s *scene) { s.alive(stall+time.Second, "hold") }, Bad, "The loop hold gives no sign of life", "15 min ago"},
		{"a break", func(s *scene) {
			s.reported.Gaps = []Gap{{At: s.now(), Reason: "pruned", File: "audit-x.log", Bytes: 2e6}, {At: s.now(), Reason: "nul_hole", Bytes: -1}}
		}, Bad, "2 breaks in the log, about 2.0 MB lost", "audit-x.log, deleted by kube-apiserver before it was held"},
		{"an old break", func(s *scene) { s.reported.Gaps = []Gap{{At: s.now().Add(-25 * time.Hour), Reason: "pruned"}} }, Good, "All is well: 1 s behind, 0 lost", "1 break in the log since the start"},
		{"quarantine", func(s *scene) {
			s.set("quarantined_files", 1)
			s.reported.Gaps = []Gap{{At: s.now(), Reason: "quarantined", Bytes: 5}}
		}, Bad, "1 file cannot be archived", "Quarantined"},
		{"a deleted file", func(s *scene) { s.set("writer_on_deleted_file", 1) }, Bad, "kube-apiserver writes to a deleted file", "Restart"},
		{"no rotation", func(s *scene) { s.set("rotation_off", 1) }, Warn, "The audit log is not rotated", "--audit-log-maxsize"},
		{"the worst is first", func(s *scene) { s.set("rotation_off", 1); s.set("quarantined_files", 2) }, Bad, "2 files cannot be archived", "is not rotated"},
		{"starting", func(s *scene) { s.loops["more"] = s.Loop("more") }, Idle, "Starting", "reads its state"},
	} {
		s := newScene()
		test.set(s)
		got := s.status()
		all := got.Summary
		for _, p := range got.Problems {
			all += "\n" + strings.Join([]string{p.Title, p.Detail, p.Hint}, "\n")
		}
		if got.Level != test.level || got.Headline != test.headline || !strings.Contains(all, test.says) {
			t.Errorf("%s: %s %q\n%s\nwant %s %q with %q", test.name, got.Level, got.Headline, all, test.level, test.headline, test.says)
		}
	}
}

// A loop that has told what it had to tell may be silent; one that never
// began may not.
func TestQuiet(t *testing.T) {
	r := newFixture()
	q := r.Quiet("watch")
	r.pass(stall + time.Second)
	if code, _ := ask(r.livez, "/livez"); code != 500 {
		t.Errorf("it never began: %d", code)
	}
	q.Observe(nil)
	r.pass(100 * stall)
	if code, body := ask(r.livez, "/livez"); code != 200 {
		t.Errorf("silent: %d %s", code, body)
	}
	q.Observe(errors.New("no watch"))
	if code, _ := ask(r.readyz, "/readyz"); code != 503 {
		t.Errorf("failing: %d", code)
	}
}
