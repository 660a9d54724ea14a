package replay

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/search"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// into replays a log into a receiver.
func into(t *testing.T, receiver *lokitest.Receiver, log []byte, redact func(dst, line []byte) ([]byte, bool)) (*Loki, error) {
	t.Helper()
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	client, err := lokipush.New(lokipush.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	loki := NewLoki(LokiConfig{
		Client: client, Labels: map[string]string{"job": "audit-replay", "replay": "r1"}, Redact: redact, MaxLineBytes: 16 << 10,
	})
	lines := search.Lines{Do: func(l search.Line) error { return loki.Add(t.Context(), l) }}
	for _, node := range []string{"cp-1", "cp-2"} {
		if err := loki.Begin(t.Context(), "c", node); err != nil {
			return loki, err
		}
		lines.Begin(time.Now())
		if _, err := lines.Write(log); err != nil {
			return loki, err
		}
		if err := lines.End(); err != nil {
			return loki, err
		}
	}
	return loki, loki.Flush(t.Context())
}

// Every line arrives, in a stream for each node; long ones shrunk; a second
// time changes nothing.
func TestReplayIntoLoki(t *testing.T) {
	receiver := lokitest.New(lokitest.Config{MaxLine: 16 << 10})
	log := audittest.Corpus(t, "diverse.log")
	n := bytes.Count(log, []byte("\n"))
	for range 2 {
		loki, err := into(t, receiver, log, nil)
		if err != nil || loki.Sent() != int64(2*n) || len(loki.Refused()) > 0 {
			t.Fatalf("%d of %d lines, refused %v: %v", loki.Sent(), 2*n, loki.Refused(), err)
		}
	}
	streams := receiver.Streams()
	for _, node := range []string{"cp-1", "cp-2"} {
		labels := `{cluster="c", job="audit-replay", node="` + node + `", replay="r1"}`
		if streams[labels] == 0 {
			t.Errorf("no stream %s in %v", labels, streams)
		}
	}
	if receiver.Distinct() > 2*n {
		t.Errorf("%d distinct entries of %d lines: a second replay is not the same", receiver.Distinct(), 2*n)
	}
}

// Secret values do not leave.
func TestReplayRedacts(t *testing.T) {
	receiver := lokitest.New(lokitest.Config{})
	hide := func(dst, line []byte) ([]byte, bool) {
		return append(dst, bytes.ReplaceAll(line, []byte("secret"), []byte("******"))...), true
	}
	if _, err := into(t, receiver, []byte("a secret\n"), hide); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(receiver.Lines(), ","); strings.Contains(got, "secret") || !strings.Contains(got, "a ******") {
		t.Errorf("%q", got)
	}
}

// A Loki that takes no old lines ends the replay with the first one, and the
// setting is named.
func TestReplayTooOld(t *testing.T) {
	receiver := lokitest.New(lokitest.Config{MaxAge: time.Hour})
	old := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"` + time.Now().Add(-48*time.Hour).UTC().Format(time.RFC3339Nano) + `"}` + "\n"
	loki, err := into(t, receiver, []byte(strings.Repeat(old, 100)), nil)
	if err == nil || !strings.Contains(err.Error(), "reject_old_samples_max_age above 49h") {
		t.Errorf("%v", err)
	}
	if receiver.Count() != 0 || loki.Sent() != 0 {
		t.Errorf("%d entries are there, %d counted", receiver.Count(), loki.Sent())
	}
}

// An answer that only a changed setting makes another ends the replay.
func TestReplayStops(t *testing.T) {
	for _, fault := range []lokitest.Fault{{Status: http.StatusUnauthorized}, {Status: http.StatusBadRequest, Body: "computer says no"}} {
		receiver := lokitest.New(lokitest.Config{})
		receiver.Inject(-1, fault)
		loki, err := into(t, receiver, []byte("a\nb\n"), nil)
		if lokipush.DecisionOf(err) != lokipush.Stop || loki.Sent() != 0 || len(loki.Refused()) != 0 {
			t.Errorf("%d: %d lines sent, refused %v: %v", fault.Status, loki.Sent(), loki.Refused(), err)
		}
	}
}
