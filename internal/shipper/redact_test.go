package shipper

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/parquet"
)

func redactor(t testing.TB, key redact.Key) (r *redact.Redactor, policy string) {
	t.Helper()
	p, err := redact.NewPolicy(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return redact.New(p, key), p.Hash()
}

// redacted is the form of a text in the archive; without a key, the text.
func redacted(t testing.TB, key *redact.Key, text string) string {
	t.Helper()
	if key == nil {
		return text
	}
	r, _ := redactor(t, *key)
	var out strings.Builder
	for line := range strings.Lines(text) {
		body, newline := strings.CutSuffix(line, "\n")
		got, _ := r.Line(nil, []byte(body))
		out.Write(got)
		if newline {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// secretEvent is the creation of a Secret on a day of November 2026.
func secretEvent(day int, id string) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"%s","stage":"ResponseComplete","requestURI":"/api","verb":"create","user":{"username":"u"},"objectRef":{"resource":"secrets","apiVersion":"v1"},"requestObject":{"kind":"Secret","data":{"password":"hunter2"}},"requestReceivedTimestamp":"2026-11-%02dT10:00:00.000000Z","stageTimestamp":"2026-11-%02dT10:00:00.000000Z"}`+"\n", id, day, day)
}

// The same as without redaction: each file once, under objects that never
// changed, whatever the step that the power is lost after.
func TestI5_RedactedCrashAtEveryStep(t *testing.T) {
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		crashEverywhere(t, durabletest.LoseAll, &redact.Key{1}, secretEvent(21, "a")+event(22, "b"))
	})
	t.Run("increments", func(t *testing.T) {
		t.Parallel()
		crashIncrements(t, durabletest.LoseAll, &redact.Key{1}, []string{secretEvent(21, "a") + secretEvent(21, "b"), event(22, "c") + "torn"})
	})
}

// Nothing of a Secret is in an object or a record, the record has the hash of the content that the
// objects restore to, and the source has a hash that discloses nothing.
func TestI3_RedactedRecord(t *testing.T) {
	y := newYard(t)
	y.redact = &redact.Key{1}
	y.mustStart()
	text := secretEvent(21, "a") + "\x00\x00" + event(22, "b") + `{"kind":"Event","torn`
	y.add("0", text, nil)
	y.add("1", event(22, "c"), nil)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	y.add("2", packed.String(), func(e *ledger.Entry) { e.Gzip = true })
	y.sync()
	want := redacted(t, y.redact, text)
	if got := y.store.restored(t); len(got) != 3 || got[0] != want || got[1] != event(22, "c") || got[2] != want {
		t.Errorf("the archive has %q, want %q", got, want)
	}
	_, policy := redactor(t, *y.redact)
	var tree parquet.LineTree
	_, _ = tree.Write([]byte(want))
	root := tree.Root()
	for _, r := range y.store.records(t) {
		sum := sha256.Sum256([]byte(want))
		switch s, c := r.Source, r.Content; {
		case r.Redaction != policy:
			t.Errorf("policy %q", r.Redaction)
		case r.Seq == 2 && (c != nil || s.HMAC != "" || s.SHA256 == "" || s.MerkleRoot == ""):
			t.Errorf("a file with nothing to redact: %+v, %+v", s, c)
		case r.Seq == 2:
		case c == nil || c.SHA256 != hex.EncodeToString(sum[:]) || c.Size != int64(len(want)) || c.Lines != 3 || c.MerkleRoot != hex.EncodeToString(root[:]):
			t.Errorf("content %+v", c)
		case s.SHA256 != "" || s.MerkleRoot != "" || s.Size != int64(len(text)) || s.HMAC != manifest.Blind(y.redact[:], hexSum(text)):
			t.Errorf("source %+v", s)
		}
	}
	for key, data := range y.store.objects {
		for _, word := range []string{"hunter2", hexSum(text)} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s has %s", key, word)
			}
		}
	}
	if n := testutil.ToFloat64(y.shipper.metrics.redacted); n != 4 { // a Secret and a torn line, twice
		t.Errorf("archive_redacted_lines_total %v", n)
	}
	y.store.wantChain(t)
	y.wantNoWork()
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The increments of a redacted file count stored bytes, and the finished
// file begins with them.
func TestRedactedIncrements(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.redact = &redact.Key{1}
	y.mustStart()
	one, two, three := secretEvent(22, "a"), event(22, "b"), secretEvent(22, "c")+event(23, "d")
	y.add("0", one, asOpen)
	y.sync()
	y.grow("0", two)
	y.sync()
	y.mustStart()
	y.grow("0", three+"torn")
	y.sync()
	want := redacted(t, y.redact, one+two+three)
	if got := y.store.partial(t, 1); got != want {
		t.Errorf("the archive has %q, want %q", got, want)
	}
	if n := len(y.store.increments()); n != 3 {
		t.Errorf("%d increments", n)
	}
	y.finish("0")
	y.sync()
	if got := y.store.restored(t); len(got) != 1 || !strings.HasPrefix(got[0], want) || strings.Contains(got[0], "hunter2") {
		t.Errorf("the finished file is %q", got)
	}
}

// A lost ledger archives nothing twice, as long as the key is not lost as well;
// then the file is archived once more, in the new epoch.
func TestRedactedLostLedger(t *testing.T) {
	for name, test := range map[string]struct {
		key  redact.Key
		want ledger.State
		kept int
	}{
		"the key is there":     {redact.Key{1}, ledger.Retired, 2}, // with the gap of the lost ledger
		"the key is lost, too": {redact.Key{2}, ledger.Retired, 3},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.redact = &redact.Key{1}
			y.mustStart()
			y.add("0", secretEvent(22, "a"), nil)
			y.sync()
			if err := os.Remove(filepath.Join(y.dir, ledger.FileName)); err != nil {
				t.Fatal(err)
			}
			y.redact = &test.key
			y.mustStart()
			y.add("0", secretEvent(22, "a"), nil)
			y.sync()
			y.sync()
			if got := y.state("0"); got != test.want || len(y.store.records(t)) != test.kept {
				t.Errorf("state %s, %d records", got, len(y.store.records(t)))
			}
			if e, _ := y.ledger.Get("0"); e.Source.Content == nil || e.Source.HMAC == "" {
				t.Errorf("source %+v", e.Source)
			}
		})
	}
}
