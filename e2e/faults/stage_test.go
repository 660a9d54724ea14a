//go:build e2e

package faults

import (
	"context"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/faults/badnet"
	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// The longest that the sidecar may need to catch up once the fault is over, and
// to end after SIGTERM. Only a hang takes so long, however busy the machine is.
const (
	catchUp   = 5 * time.Minute
	stopLimit = 2 * time.Minute
)

// stage is the audit directory of one scenario, its writer, both sinks behind
// bad networks, and the sidecar in between.
type stage struct {
	t      *testing.T
	sc     scenario
	row    *outcome
	log    string // the path of audit.log
	url    string // of the archive
	env    []string
	args   []string // flags of `run` and of `restore`
	stored string   // the directory in which the archive's objects are files
	server *s3server.Server

	loki    *lokitest.Receiver
	lokiNet *badnet.Server
	s3Net   *badnet.Server // nil without S3

	writer   *audittest.Writer
	account  func() []audittest.File // the written files; the writer's account
	rotate   func() error            // the writer's
	made     int                     // lines made by fresh
	gone     [][]byte                // lines that were written and then destroyed in their file
	cutBytes int64                   // of finished files, each of which must be in a gap
	// How many lines the fault may have destroyed before the archive had them,
	// and before Loki had them.
	destroyed, unread int
	// late has the backups after which a stalled disk delayed the new file: to the sidecar another
	// file may have been between the two, and it says so.
	late map[string]bool

	p      *sidecar.Process
	limits *limits
	binary string

	beforeJudge func() // nil: nothing to do before the archive is read

	redacted *redact.Redactor // makes a line's form in Loki
	keyFile  string           // its key
}

// newStage makes all of it but the sidecar.
func newStage(t *testing.T, sc scenario, server *s3server.Server, row *outcome) *stage {
	t.Helper()
	s := &stage{
		t: t, sc: sc, row: row, server: server, binary: underTest, limits: new(limits),
		loki: lokitest.New(lokitest.Config{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute}),
	}
	dir := t.TempDir()
	s.stored = filepath.Join(dir, "archive")
	s.url = "file://" + s.stored
	s.lokiNet = s.network(badnet.Start(s.loki))
	if sc.onS3 {
		s.onS3(server)
	}
	if sc.dir != nil {
		dir = sc.dir(s)
	}
	s.log = filepath.Join(dir, "audit", "audit.log")
	cfg := sc.writer
	cfg.Path = s.log
	if n := cfg.MaxBackups; n > 0 && n <= 10 && len(sc.gaps) == 0 {
		cfg.MayRotate = s.openIsHeld // else a busy machine may not see a file before it is pruned
	}
	var err error
	if s.writer, err = audittest.NewWriter(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.writer.Close() })
	s.redactWith(redact.NewKey())
	s.account, s.rotate = s.writer.Files, s.writer.Rotate
	return s
}

// redactWith gives the sidecar a key of the test's own, so that the lines in
// Loki are known whatever happens to the state directory.
func (s *stage) redactWith(key redact.Key) {
	s.t.Helper()
	policy, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.redacted = redact.New(policy, key)
	file := filepath.Join(s.t.TempDir(), "redact.key")
	if err := os.WriteFile(file, key[:], 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.keyFile = file
}

func (s *stage) network(n *badnet.Server, err error) *badnet.Server {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = n.Close() })
	return n
}

// slug matches bytes that cannot be in an object's prefix here.
var slug = regexp.MustCompile(`[^A-Za-z0-9]+`)

// onS3 archives to a prefix of the server's bucket.
func (s *stage) onS3(server *s3server.Server) {
	s.t.Helper()
	forward, err := badnet.Forward(server.Endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	s.s3Net = s.network(badnet.Start(forward))
	prefix := slug.ReplaceAllString(s.t.Name(), "-")
	s.url, s.stored = server.URL(prefix), filepath.Join(server.Dir, server.Bucket, prefix)
	s.args = []string{"--s3-endpoint", s.s3Net.URL(), "--s3-region", server.Region, "--s3-path-style"}
	s.env = server.Env()
}

func (s *stage) config(verb ...string) sidecar.Config {
	args := append(verb, "--audit-log-path", s.log, "--archive-url", s.url, "--loki-url", s.lokiNet.URL(), "--cluster", "faults", "--node", "cp1", "--redact-key-file", s.keyFile, "--heartbeat-interval", "2s")
	return sidecar.Config{Binary: s.binary, Env: s.env, Args: append(append(args, s.args...), s.sc.args...)}
}

// start runs a sidecar. Its limits are watched until it ends.
func (s *stage) start() {
	s.t.Helper()
	s.p = s.another()
	s.limits.watch(s.t.Context(), s.p)
}

// another runs a sidecar beside the one that is watched.
func (s *stage) another() *sidecar.Process {
	s.t.Helper()
	return sidecar.Launch(s.t, s.config())
}

// ready waits until the sidecar is ready.
func (s *stage) ready() {
	s.t.Helper()
	s.readiness(s.p, true)
}

// notReady waits until the sidecar says that it is not, with the texts.
func (s *stage) notReady(texts ...string) {
	s.t.Helper()
	s.readiness(s.p, false, texts...)
}

func (s *stage) readiness(p *sidecar.Process, ready bool, texts ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), catchUp)
	defer cancel()
	if _, err := p.WaitReady(ctx, ready, texts...); err != nil {
		s.t.Fatal(err)
	}
}

// write writes fresh lines at a rate (a second) for some time.
func (s *stage) write(rate int, d, rotateEvery time.Duration) {
	s.t.Helper()
	lines := s.fresh(int(float64(rate) * d.Seconds()))
	if err := s.writer.Replay(s.t.Context(), lines, rate, rotateEvery); err != nil {
		s.t.Fatal(err)
	}
}

// fresh yields n lines whose auditIDs continue where the last ones ended, so that
// no two files of a scenario begin alike.
func (s *stage) fresh(n int) iter.Seq[[]byte] {
	skip := s.made
	s.made += n
	return func(yield func([]byte) bool) {
		i := 0
		for line := range audittest.Fresh(corpus(s.t), skip+n) {
			if i++; i > skip && !yield(line) {
				return
			}
		}
	}
}

// writing writes in the background; the returned function waits for the end.
func (s *stage) writing(rate int, d, rotateEvery time.Duration) (wait func()) {
	done := make(chan error, 1)
	lines := s.fresh(int(float64(rate) * d.Seconds()))
	go func() { done <- s.writer.Replay(s.t.Context(), lines, rate, rotateEvery) }()
	return func() {
		s.t.Helper()
		if err := <-done; err != nil {
			s.t.Fatal(err)
		}
	}
}

// must ends the scenario on an error of the scenario itself.
func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// sleep waits, or ends the test with its context.
func (s *stage) sleep(d time.Duration) {
	s.t.Helper()
	select {
	case <-s.t.Context().Done():
		s.t.Fatal(s.t.Context().Err())
	case <-time.After(d):
	}
}

// eventually waits until done answers true.
func (s *stage) eventually(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(catchUp); !done(); s.sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%v passed and still not: %s", catchUp, what)
		}
	}
}

// random is a time between both.
func random(from, to time.Duration) time.Duration { return from + rand.N(to-from) }

func corpus(t *testing.T) []byte { return audittest.Corpus(t, "rotated.log") }

// openIsHeld reports whether the sidecar holds the open file.
func (s *stage) openIsHeld() bool { return audittest.IsHeld(s.log) }

// awaitHeld waits until the sidecar holds the open file: a file moved or deleted before a
// busy machine has seen it is lost, which is not the subject of the scenarios.
func (s *stage) awaitHeld() {
	s.t.Helper()
	s.eventually("the open file is held", s.openIsHeld)
}

// state is a path in the state directory.
func (s *stage) state(name string) string {
	return filepath.Join(filepath.Dir(s.log), ".auditsidecar", name)
}
