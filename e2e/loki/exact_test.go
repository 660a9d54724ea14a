package loki

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const (
	linesPerSecond = 2000
	rotateEvery    = 500 * time.Millisecond
)

// TestEveryLineOnce streams real logs, as they are but for their timestamps,
// through rotations into the shipped configuration.
func TestEveryLineOnce(t *testing.T) {
	server := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	checkConfig(t, server)
	t.Run("a real log", func(t *testing.T) { realLog(t, server) })
	t.Run("kill -9", func(t *testing.T) { killed(t, server) })
	t.Run("lost answers", func(t *testing.T) { lostAnswers(t, server) })
	t.Run("Loki killed", func(t *testing.T) { lokiKilled(t, server) })
}

// TestEveryLineOnceS3 is the same on the configuration with S3, also when the
// lines have gone to the bucket.
func TestEveryLineOnceS3(t *testing.T) {
	server, bucket := lokiserver.StartS3(t)
	checkConfig(t, server)
	r := realLog(t, server)
	if err := server.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	chunks := 0
	for deadline := time.Now().Add(catchUp); chunks == 0 && time.Now().Before(deadline); time.Sleep(time.Second) {
		chunks = countFiles(t, bucket)
	}
	if chunks == 0 {
		t.Error("there is no chunk in the bucket after a flush")
	}
	if a := r.check(); a.found != a.in {
		t.Errorf("%d of %d lines are found after the flush", a.found, a.in)
	}
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// checkConfig compares Loki's running configuration with the required settings
// from the shipped configurations.
func checkConfig(t *testing.T, server *lokiserver.Server) {
	t.Helper()
	body, err := server.Get(t.Context(), "/config")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"reporting_enabled: false", "retention_enabled: true", "retention_period: 90d", "max_query_lookback: 90d",
		"allow_structured_metadata: true", "max_line_size: 256KB", "reject_old_samples_max_age: 1w", "discover_log_levels: false",
		"grpc_server_max_recv_msg_size: 67108864", "grpc_server_max_send_msg_size: 67108864",
	} {
		if !strings.Contains(string(body), want+"\n") {
			t.Errorf("Loki's configuration lacks %q", want)
		}
	}
	_, sharding, _ := strings.Cut(string(body), "shard_streams:\n")
	if !strings.HasPrefix(strings.TrimSpace(sharding), "enabled: false") {
		t.Error("Loki shards streams: what is sent twice would be seen twice")
	}
}

// realLog writes a log of kube-apiserver: ordinary traffic, many odd shapes,
// then a line that is too long for Loki.
func realLog(t *testing.T, server *lokiserver.Server) *fixture {
	t.Helper()
	r := newFixture(t, server, "real", server.URL, audittest.Config{})
	p := r.start()
	for _, name := range []string{"rotated.log", "diverse.log"} {
		content := audittest.Shift(audittest.Corpus(t, name), time.Now())
		if err := r.writer.Replay(t.Context(), audittest.Lines(content), linesPerSecond, rotateEvery); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.writer.WriteLine(longLine()); err != nil {
		t.Fatal(err)
	}
	r.waitStreamed(p, r.writer.Lines())
	r.stop(p)
	a := r.check()
	if a.in < 9000 || a.shrunk == 0 || a.redacted == 0 || a.identical < a.in*9/10 {
		t.Errorf("the log is not what it was: %+v", a)
	}
	files := len(r.writer.Files())
	t.Logf("%d lines in %d files", a.in, files)
	summary.add(t.Name()+":", "%d lines in, %d found once, %d identical, %d redacted, %d shrunk", a.in, a.found, a.identical, a.redacted, a.shrunk)
	return r
}

// longLine is like a list of all pods at level RequestResponse. The corpus'
// own long lines are lists of secrets, short once they are redacted.
func longLine() []byte {
	at := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	return []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"00000000-0000-4000-8000-000000000000",` +
		`"stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"list","user":{"username":"dev-1"},` +
		`"objectRef":{"resource":"pods","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"responseObject":{"kind":"PodList","items":["` +
		strings.Repeat("pod ", 100_000) + `"]},"requestReceivedTimestamp":"` + at + `","stageTimestamp":"` + at + `"}`)
}

// killed kills the sidecar three times while lines are written and rotated.
func killed(t *testing.T, server *lokiserver.Server) {
	r := newFixture(t, server, "killed", server.URL, audittest.Config{})
	p := r.start()
	done := make(chan error, 1)
	go func() {
		done <- r.writer.Replay(t.Context(), audittest.Fresh(audittest.Corpus(t, "rotated.log"), 16000), linesPerSecond, time.Second)
	}()
	for range 3 {
		time.Sleep(1500 * time.Millisecond)
		p.Kill()
		time.Sleep(500 * time.Millisecond)
		p = r.start()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r.drain(p)
	a := r.check()
	summary.add("killed 3 times:", "%d lines in, %d found once", a.in, a.found)
}

// lostAnswers puts a proxy before Loki that takes every third push to Loki and
// then breaks the connection instead of answering.
func lostAnswers(t *testing.T, server *lokiserver.Server) {
	proxy := newLossyProxy(t, server.URL, 3)
	r := newFixture(t, server, "lossy", proxy.URL(), audittest.Config{})
	p := r.start()
	if err := r.writer.Replay(t.Context(), audittest.Fresh(audittest.Corpus(t, "rotated.log"), 12000), linesPerSecond, rotateEvery); err != nil {
		t.Fatal(err)
	}
	r.drain(p)
	lost := proxy.Lost()
	if lost < 3 {
		t.Errorf("only %d answers were lost", lost)
	}
	a := r.check()
	summary.add("answers lost:", "%d of pushes; %d lines in, %d found once", lost, a.in, a.found)
}

// lokiKilled kills Loki while lines come, and starts it again: entries it has
// accepted are in its write-ahead log, others are sent again.
func lokiKilled(t *testing.T, server *lokiserver.Server) {
	r := newFixture(t, server, "crashed", server.URL, audittest.Config{})
	p := r.start()
	done := make(chan error, 1)
	go func() {
		done <- r.writer.Replay(t.Context(), audittest.Fresh(audittest.Corpus(t, "rotated.log"), 12000), linesPerSecond, time.Second)
	}()
	time.Sleep(2 * time.Second)
	server.Kill()
	time.Sleep(time.Second)
	server.Resume(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r.drain(p)
	a := r.check()
	summary.add("Loki killed:", "%d lines in, %d found once", a.in, a.found)
}

// The corpus has no two equal lines: otherwise Loki would hide one of them, and
// "once" would mean nothing.
func TestCorpusHasNoEqualLines(t *testing.T) {
	for _, name := range []string{"rotated.log", "diverse.log"} {
		lines := slices.Collect(audittest.Lines(audittest.Corpus(t, name)))
		seen := make(map[string]bool)
		for _, line := range lines {
			if seen[string(line)] {
				t.Errorf("%s: twice the same: %.200s", name, line)
			}
			seen[string(line)] = true
		}
	}
}
