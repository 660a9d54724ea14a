package admin

import (
	"cmp"
	"errors"
	"slices"
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
	s.reported = Report{Version: "v1", Cluster: "production", Node: "cp-1", Archive: "s3://bucket/logs", Loki: "http://loki:3100", MaxLag: 15 * time.Minute, Log: "/var/log/audit/audit.log"}
	s.reported.Input = Input{State: Working, LastLine: r.now()}
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
	for name, value := range map[string]float64{"loki_lag_seconds": 1, "loki_lag_bytes": 100, "archive_lag_seconds": 400, "held_budget_max_bytes": 1e9, "disk_free_bytes": 1e10,
		"loki_last_success_timestamp_seconds": 1} {
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

// written lets the log grow at a rate for a minute.
func (s *scene) written(rate float64) {
	s.set("log_bytes_total", 0)
	s.sample()
	s.alive(time.Minute)
	s.set("log_bytes_total", 60*rate)
	s.sample()
}

// fails lets a loop fail for a time, in which the others turn.
func (s *scene) fails(loop string, err error, d time.Duration) {
	s.loops[loop].Observe(err)
	s.alive(d, loop)
}

// judged is a situation, and how it is judged.
type judged struct {
	set      func(*scene)
	level    Level
	headline string
	says     string // somewhere in the rest
	loki     State  // "": working
	archive  State
}

func TestJudge(t *testing.T) {
	refused := errors.New(`push: Post "http://loki:3100/x": connection refused`)
	unauthorized := &Fault{Err: errors.New("push to http://loki:3100: loki answered 401 Unauthorized: no org id"), Cause: "401 Unauthorized", Person: true}
	noBucket := &Fault{Err: errors.New("list s3://bucket/x: NoSuchBucket: it does not exist (HTTP 404)"), Cause: "NoSuchBucket: it does not exist (HTTP 404)", Remedy: "create it", Person: true}
	judgeAll(t, map[string]judged{
		"well":    {set: func(*scene) {}, level: Good, headline: "All is well", says: "No break in the log was recorded since the start"},
		"no Loki": {set: func(s *scene) { s.reported.Loki = "" }, level: Good, headline: "All is well", loki: "none"},
		"quiet":   {set: func(s *scene) { s.reported.Input.State = Quiet }, level: Good, headline: "All is well"},

		"no file": {set: func(s *scene) { s.reported.Input = Input{State: NoFile, Since: s.now(), Nearest: "kube-audit.log"} },
			level: Bad, headline: "There is no audit.log in /var/log/audit", says: "set --audit-log-path to /var/log/audit/kube-audit.log"},
		"an empty directory": {set: func(s *scene) { s.reported.Input = Input{State: NoFile, Since: s.now()} },
			level: Bad, headline: "There is no audit.log in /var/log/audit", says: "No line ever arrived"},
		"no file yet": {set: func(s *scene) { s.reported.Input = Input{State: NotTried} }, level: Idle, headline: "Not tried yet: log"},
		"the counter rises": {set: func(s *scene) { s.reported.Input = Input{State: Losing, Asked: true, Counted: 7, LastLine: s.now()} },
			level: Bad, headline: "kube-apiserver counts events, and no line arrives", says: "kube-apiserver counted 7 events meanwhile"},
		"silent": {set: func(s *scene) { s.reported.Input.State = Silent; s.alive(12 * time.Minute) },
			level: Warn, headline: "No line has arrived for 12 min", says: "--apiserver-metrics-url"},

		"Loki was not tried": {set: func(s *scene) { s.set("loki_last_success_timestamp_seconds", 0) }, level: Idle, headline: "Not tried yet: loki", loki: NotTried},
		"Loki never reached": {set: func(s *scene) { s.set("loki_last_success_timestamp_seconds", 0); s.fails("loki", refused, time.Minute) }, level: Warn, headline: "Loki has not been reached since the start: connection refused", loki: Failing},
		"Loki for a moment":  {set: func(s *scene) { s.fails("loki", refused, time.Minute) }, level: Warn, headline: "Loki has been unavailable for 60 s: connection refused", loki: Failing},
		"Loki for long":      {set: func(s *scene) { s.fails("loki", refused, 7*time.Minute) }, level: Bad, headline: "Loki has been unavailable for 7 min: connection refused", says: "miss them", loki: Failing},
		"a wrong tenant":     {set: func(s *scene) { s.fails("loki", unauthorized, time.Second) }, level: Bad, headline: "Loki has refused everything for 1 s: 401 Unauthorized", says: "no org id", loki: Stopped},
		"Loki late":          {set: func(s *scene) { s.set("loki_lag_seconds", 200) }, level: Warn, headline: "Loki is behind by 3 min", loki: Behind},
		"Loki refuses lines": {set: func(s *scene) {
			s.set("loki_refused_lines_total", 0)
			s.written(1)
			s.set("loki_refused_lines_total", 5)
			s.alive(sampleEvery)
			s.sample()
		}, level: Bad, headline: "Loki loses lines", loki: Losing},
		"a wrong bucket": {set: func(s *scene) { s.fails("archive", noBucket, time.Second) }, level: Bad, headline: "Archive has refused everything for 1 s: NoSuchBucket: it does not exist", says: "Create it. ", archive: Stopped},
		"a wrong endpoint": {set: func(s *scene) {
			s.loops["archive"] = s.Loop("archive")
			s.health.loops = append(s.health.loops[:3:3], s.health.loops[4], s.loops["archive"])
			s.fails("archive", refused, 7*time.Minute)
		}, level: Bad, headline: "Archive has not been reached since the start: connection refused", archive: Failing},
		"the archive away": {set: func(s *scene) {
			s.set("archive_pending_files", 3)
			s.written(1e6)
			s.set("held_budget_used_bytes", 1e8)
			s.fails("archive", refused, time.Second)
		}, level: Warn, headline: "Archive has been unavailable for 1 s: connection refused", says: "Waiting on this node: 3 finished files. The disk budget is full in 15 min", archive: Failing},
		"and a log at rest": {set: func(s *scene) { s.fails("archive", refused, 7*time.Minute) }, level: Bad, headline: "Archive has been unavailable for 7 min: connection refused", says: "the disk budget has 1.0 GB left", archive: Failing},
		"the archive loses": {set: func(s *scene) {
			s.fails("archive", refused, 7*time.Minute)
			s.reported.Gaps = []Gap{{At: s.now(), Reason: "disk_budget", Bytes: 5}}
		}, level: Bad, headline: "Archive loses lines: connection refused", says: "The oldest were given up", archive: Losing},
		"it lost an hour ago": {set: func(s *scene) {
			s.reported.Gaps = []Gap{{At: s.now().Add(-2 * time.Hour), Reason: "disk_budget", Bytes: 5}}
		}, level: Bad, headline: "1 break in the log, about 5 B lost"},
		"the archive late":                    {set: func(s *scene) { s.set("archive_lag_seconds", 2000) }, level: Warn, headline: "Archive is behind by 33 min", archive: Behind},
		"the archive later than it should be": {set: func(s *scene) { s.set("archive_lag_seconds", 1260) }, level: Warn, headline: "Archive is behind by 21 min", archive: Behind},
		"an open file that is not archived":   {set: func(s *scene) { s.reported.MaxLag = 0; s.set("archive_lag_seconds", 90_000) }, level: Good, headline: "All is well"},
		"a file waits long":                   {set: func(s *scene) { s.set("archive_oldest_pending_seconds", 1900) }, level: Warn, headline: "Archive is behind by 31 min", archive: Behind},
	})
}

func TestJudgeTheNode(t *testing.T) {
	judgeAll(t, map[string]judged{
		"the budget":     {set: func(s *scene) { s.set("held_budget_used_bytes", 8.1e8) }, level: Bad, headline: "Held files use 81 % of their disk budget", says: "--held-max-bytes"},
		"a tiny budget":  {set: func(s *scene) { s.reported.Files = []File{{Size: 1e9 + 1}} }, level: Warn, headline: "The disk budget of 1.0 GB is too small for an outage", says: "The largest file has 1.0 GB"},
		"a short budget": {set: func(s *scene) { s.written(1e6) }, level: Warn, headline: "The disk budget of 1.0 GB is too small for an outage"},
		"a full disk":    {set: func(s *scene) { s.set("held_min_free_bytes", 1e10); s.written(1) }, level: Warn, headline: "The disk budget of 1.0 GB is too small for an outage", says: "free the disk"},
		"no key":         {set: func(s *scene) { s.reported.Unsigned = true }, level: Warn, headline: "The records are not signed: there is no key", says: "auditsidecar keygen"},
		"cannot start":   {set: func(s *scene) { s.loops["start"].Observe(errors.New("no audit directory")) }, level: Bad, headline: "It cannot start yet: no audit directory", says: "no audit directory"},
		"not held":       {set: func(s *scene) { s.loops["hold"].Observe(errors.New("no space left")) }, level: Bad, headline: "The log is not held: no space left", says: "no space left"},
		"a hang":         {set: func(s *scene) { s.alive(stall+time.Second, "hold") }, level: Bad, headline: "The loop hold gives no sign of life", says: "15 min ago"},
		"quarantine": {set: func(s *scene) {
			s.set("quarantined_files", 1)
			s.reported.Gaps = []Gap{{At: s.now(), Reason: "quarantined", Bytes: 5}}
		}, level: Bad, headline: "1 file cannot be archived", says: "Quarantined"},
		"a deleted file":  {set: func(s *scene) { s.set("writer_on_deleted_file", 1) }, level: Bad, headline: "kube-apiserver writes to a deleted file", says: "Restart"},
		"no rotation":     {set: func(s *scene) { s.set("rotation_off", 1) }, level: Warn, headline: "The audit log is not rotated", says: "--audit-log-maxsize"},
		"the worst first": {set: func(s *scene) { s.set("rotation_off", 1); s.set("quarantined_files", 2) }, level: Bad, headline: "2 files cannot be archived", says: "is not rotated"},
		"a break": {set: func(s *scene) {
			s.reported.Gaps = []Gap{{At: s.now(), Reason: "pruned", File: "audit-x.log", Bytes: 2e6}, {At: s.now(), Reason: "nul_hole", Bytes: -1}}
		}, level: Bad, headline: "2 breaks in the log, about 2.0 MB lost", says: "audit-x.log, pruned"},
		"an old break": {set: func(s *scene) { s.reported.Gaps = []Gap{{At: s.now().Add(-25 * time.Hour), Reason: "pruned"}} }, level: Good, headline: "All is well", says: "1 break in the log since the start"},
		"starting":     {set: func(s *scene) { s.loops["more"] = s.Loop("more") }, level: Idle, headline: "Starting", says: "reads its state"},
	})
}

func judgeAll(t *testing.T, tests map[string]judged) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			test.set(s)
			got := s.status()
			all := got.Summary
			for _, p := range got.Problems {
				all += "\n" + strings.Join([]string{p.Title, p.Detail, p.Hint}, "\n")
				if p.Runbook == "" || p.Hint == "" {
					t.Errorf("no runbook or hint: %+v", p)
				}
			}
			if got.Level != test.level || got.Headline != test.headline || !strings.Contains(all, test.says) {
				t.Errorf("%s %q\n%s\nwant %s %q with %q", got.Level, got.Headline, all, test.level, test.headline, test.says)
			}
			states := map[string]State{}
			for _, p := range got.Paths {
				states[p.Part.Name] = p.Part.State
			}
			if want := cmp.Or(test.loki, Working); test.loki != "none" && states["loki"] != want && !strings.Contains(name, "start") {
				t.Errorf("Loki is %s, want %s", states["loki"], want)
			}
			if want := cmp.Or(test.archive, Working); states["archive"] != want {
				t.Errorf("the archive is %s, want %s", states["archive"], want)
			}
		})
	}
}

// The metrics and the log follow the page; the log has each transition once.
func TestPublish(t *testing.T) {
	s := newScene()
	state := func(part string) (found string) {
		families, err := s.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "auditsidecar_state" && labelOf(m, "part") == part && m.GetGauge().GetValue() == 1 {
					found += labelOf(m, "state")
				}
			}
		}
		return found
	}
	s.taken(t)
	for _, step := range []struct {
		name  string
		set   func()
		part  string
		state State
		log   []string
	}{
		{"at first", func() {}, "archive", Working, nil},
		{"the archive is late", func() { s.set("archive_lag_seconds", 2000) }, "archive", Behind, []string{"warn archive: behind"}},
		{"still", func() {}, "archive", Behind, nil},
		{"no more", func() { s.set("archive_lag_seconds", 20) }, "archive", Working, []string{"info archive: working"}},
		{"it fails", func() { s.loops["archive"].Observe(errors.New("x")) }, "archive", Failing, []string{"error archive: failing, retrying"}},
		{"it works", func() { s.loops["archive"].Observe(nil) }, "archive", Working, []string{"info archive: well again"}},
		{"no file", func() { s.reported.Input.State = NoFile }, "log", NoFile, []string{"error log: no file"}},
		{"still none", func() {}, "log", NoFile, nil},
		{"a file", func() { s.reported.Input.State = Working }, "log", Working, []string{"info log: working"}},
	} {
		step.set()
		s.sample()
		if got := state(step.part); got != string(step.state) {
			t.Errorf("%s: %s is %q, want %q", step.name, step.part, got, step.state)
		}
		var logged []string
		for _, l := range s.taken(t) {
			logged = append(logged, l.Level+" "+l.Message)
		}
		if !slices.Equal(logged, step.log) {
			t.Errorf("%s: logged %q, want %q", step.name, logged, step.log)
		}
	}
}

// A loop that has reported its last state may be silent; one that never
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
