package shipper

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// newBeatingYard makes a heartbeat at every pass.
func newBeatingYard(t testing.TB) *yard {
	y := newYard(t)
	y.dir, y.beat = audittest.FastDir(t), time.Nanosecond
	return y
}

// signingKey is a key of the yard's node, with the consent of another or, with nil, of
// none.
func signingKey(t testing.TB, from *manifest.SigningKey) *manifest.SigningKey {
	t.Helper()
	key, err := manifest.GenerateKey(manifest.KeyName("c", "n"), from)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// beats are the heartbeats that the archive has.
func (y *yard) beats() (all []manifest.Heartbeat) {
	y.t.Helper()
	for _, r := range y.store.records(y.t) {
		if r.Heartbeat != nil {
			all = append(all, *r.Heartbeat)
		}
	}
	return all
}

// Heartbeats see the open file grow, whoever restarts in between, and the
// finished file begins with the bytes they saw.
func TestI9_HeartbeatsReadTheOpenFile(t *testing.T) {
	y := newBeatingYard(t)
	y.mustStart()
	y.sync()
	text := event(22, "a")
	y.add("0", text, asOpen)
	y.sync()
	for _, more := range []string{event(22, "b") + "to", "rn\n", ""} {
		y.mustStart()
		text += more
		y.grow("0", more)
		y.sync()
	}
	y.finish("0")
	y.sync()
	var seen []int64
	for _, b := range y.beats() {
		if b.Open == nil {
			seen = append(seen, -1)
			continue
		}
		seen = append(seen, b.Open.Size)
		if want := hexSum(text[:b.Open.Size]); b.Open.SHA256 != want || b.Open.Lines != int64(strings.Count(text[:b.Open.Size], "\n")) || b.Open.Name != "audit.log" {
			t.Errorf("saw %+v, want SHA-256 %s", b.Open, want)
		}
	}
	n := int64(len(text))
	if a := int64(len(event(22, "a"))); len(seen) != 6 || seen[0] != -1 || seen[1] != a || seen[2] != n-3 || seen[3] != n || seen[4] != n || seen[5] != -1 {
		t.Errorf("saw %v of %d bytes", seen, n)
	}
	y.store.wantChain(t)
	for _, r := range y.store.records(t) {
		if r.Kind == manifest.KindGap {
			t.Errorf("a gap: %+v", r.Gaps)
		}
	}
	if len(y.ledger.Notices()) != 0 {
		t.Errorf("notices are left: %+v", y.ledger.Notices())
	}
}

// Bytes that heartbeats saw and that are others when the file is archived are a
// gap, once, whatever becomes of the pass that found it.
func TestI9_EditIsFoundAtRotation(t *testing.T) {
	for name, key := range map[string]*redact.Key{"plain": nil, "redacted": {1}} {
		for edit, change := range map[string]func(string) string{
			"a byte":      func(s string) string { return strings.Replace(s, `"auditID":"b"`, `"auditID":"x"`, 1) },
			"the size":    func(s string) string { return s[:len(s)/3] },
			"the end":     func(s string) string { return s + event(22, "after") },
			"not at all ": func(s string) string { return s },
		} {
			t.Run(name+", "+edit, func(t *testing.T) {
				y := newBeatingYard(t)
				y.redact = key
				y.mustStart()
				text := secretEvent(22, "a") + event(22, "b") + event(22, "c")
				y.add("0", text, asOpen)
				y.sync()
				if open := y.beats()[0].Open; (open.SHA256 == "") != (key != nil) || (open.HMAC == "") != (key == nil) {
					t.Errorf("the heartbeat has %+v", open)
				}
				must(t, os.WriteFile(y.heldPath("0"), []byte(change(text)), 0o600))
				y.finish("0")
				y.store.fail = func(string) error { return errors.New("away") }
				for range 3 {
					must(t, os.RemoveAll(y.shipper.dir("0"))) // converted again
					if err := y.shipper.Sync(t.Context()); err == nil {
						t.Fatal("an archive that is away took it")
					}
				}
				y.store.fail = nil
				y.sync()
				gaps := 0
				for _, r := range y.store.records(t) {
					for _, g := range r.Gaps {
						want := continuity.ReasonEdited
						if edit == "the size" {
							want = continuity.ReasonTruncated
						}
						if gaps++; g.Reason != want || g.File != "audit-0.log" {
							t.Errorf("gap %+v", g)
						}
					}
				}
				want := 1
				if strings.HasPrefix(edit, "the end") || strings.HasPrefix(edit, "not") {
					want = 0
				}
				counted := want
				if edit == "the size" {
					counted = 0
				}
				if n := testutil.ToFloat64(y.shipper.metrics.edited); gaps != want || int(n) != counted {
					t.Errorf("%d gaps, %v counted, want %d", gaps, n, want)
				}
				if got := y.store.restored(t); len(got) != 1 || got[0] != redacted(t, key, change(text)) {
					t.Errorf("the archive has %q", got)
				}
				y.store.wantChain(t)
			})
		}
	}
}

// A heartbeat does not wait for the archive: it keeps its time and its place.
func TestI8_HeartbeatsWhileTheArchiveIsUnavailable(t *testing.T) {
	y := newBeatingYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.store.fail = func(string) error { return errors.New("away") }
	for range 3 {
		if err := y.shipper.Sync(t.Context()); err == nil {
			t.Fatal("an archive that is away took it")
		}
	}
	y.store.fail = nil
	y.sync()
	y.store.wantChain(t)
	beats := y.beats()
	if len(beats) != 4 || beats[0].Waiting != 1 || beats[3].Waiting != 1 || beats[0].Every != 1 {
		t.Errorf("heartbeats %+v", beats)
	}
	y.mustStart()
	y.beat = time.Hour
	y.mustStart()
	y.sync()
	if len(y.beats()) != 4 {
		t.Error("a restart is no reason for a heartbeat")
	}
}

func count(started time.Time, events, errors int64) Counters {
	return Counters{Started: started, Events: events, Errors: errors}
}

func TestHeartbeatAsksTheServer(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		answers []Counters
		err     error
		want    *manifest.Server
	}{
		"counters":   {[]Counters{count(now, 5, 1), count(now, 7, 2)}, nil, &manifest.Server{Started: manifest.At(now), Before: 5, After: 7, Errors: 2}},
		"restarted":  {[]Counters{count(now, 5, 1), count(now.Add(1), 7, 2)}, nil, nil},
		"backwards":  {[]Counters{count(now, 5, 1), count(now, 4, 2)}, nil, nil},
		"no answer":  {[]Counters{count(now, 5, 1), count(now, 7, 2)}, errors.New("refused"), nil},
		"impossible": {[]Counters{count(now, -5, 1), count(now, 7, 2)}, nil, nil},
	} {
		y := newBeatingYard(t)
		asked := 0
		y.ask = func(context.Context) (Counters, error) {
			asked++
			return c.answers[asked-1], c.err
		}
		y.mustStart()
		y.sync()
		got := y.beats()[0].Server
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want || asked != 2 {
			t.Errorf("%s: %+v after %d questions, want %+v", name, got, asked, c.want)
		}
	}
}

// A heartbeat that is not due is made when the log ceases to arrive, and when it
// arrives again: once each.
func TestHeartbeatOfALostInput(t *testing.T) {
	y := newBeatingYard(t)
	y.beat = time.Hour
	y.mustStart()
	missing := &manifest.Input{State: manifest.InputNoFile, Since: manifest.At(time.Unix(1_700_000_000, 0))}
	silent := &manifest.Input{State: manifest.InputSilent}
	for _, step := range []struct {
		name  string
		input *manifest.Input
		beats int
	}{
		{"well", nil, 1}, {"no file", missing, 2}, {"still", missing, 2}, {"a file", nil, 3}, {"silent", silent, 4}, {"well again", nil, 5},
	} {
		y.input = step.input
		y.sync()
		y.sync()
		got := y.beats()
		if len(got) != step.beats {
			t.Fatalf("%s: %d heartbeats, want %d", step.name, len(got), step.beats)
		}
		if step.beats == 2 && (got[1].Input == nil || *got[1].Input != *missing) {
			t.Errorf("%s: %+v", step.name, got[1].Input)
		}
	}
}

// An archive that does not answer is an error also if there is nothing to send to it.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.mustStart()
		y.sync()
		y.store.treeErr = errors.New("no connection")
		time.Sleep(probeAfter - time.Second)
		y.sync()
		time.Sleep(time.Second)
		if err := y.shipper.Sync(t.Context()); !errors.Is(err, y.store.treeErr) {
			t.Errorf("Sync: %v", err)
		}
		y.store.unlisted = true // it answers, at least
		y.sync()
	})
}

// isSigned says whether a record has a signature.
func isSigned(r manifest.Record) bool { return strings.Contains(r.Checkpoint, "\n— ") }

// A key is part of the chain before it signs anything else, once.
func TestKeysInTheChain(t *testing.T) {
	y := newBeatingYard(t)
	y.beat = 0
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.sync()
	one := signingKey(t, nil)
	two := signingKey(t, one)
	for _, key := range []*manifest.SigningKey{one, one, two} {
		y.key = key
		y.mustStart()
		y.add(string(rune('0'+y.starts)), event(22, "b"), nil)
		y.sync()
	}
	y.wantKinds("1 file audit-0.log, 2 key, 3 file audit-2.log, 4 file audit-3.log, 5 key, 6 file audit-4.log")
	y.store.wantChain(t)
	for _, r := range y.store.records(t) {
		var want *manifest.SigningKey
		switch {
		case r.Seq > 4:
			want = two
		case r.Seq > 1:
			want = one
		default:
			if isSigned(r) {
				t.Error("the first record is signed")
			}
			continue
		}
		if err := r.VerifyBy(want.Vkey); err != nil {
			t.Errorf("record %d: %v", r.Seq, err)
		}
		if r.Seq == 5 && !r.Key.HandedOverBy(one.Vkey) {
			t.Error("the second key has not the consent of the first")
		}
	}
}

// Whatever the effect after which the power is lost, the next process has an
// unbroken, signed chain, every heartbeat once and no gap.
func TestI4_NoticesSurviveCrashes(t *testing.T) {
	t.Parallel()
	everyCrash(t, 1, 10, func(k int64) bool {
		y := newBeatingYard(t)
		y.mustStart()
		y.add("0", event(22, "a"), nil)
		y.add("1", event(22, "b"), asOpen)
		y.sync()
		y.key = signingKey(t, nil)
		y.grow("1", event(22, "c"))
		crashed := y.crash(k, durabletest.LoseAll)
		y.sync()
		y.finish("1")
		y.sync()
		y.store.wantChain(t)
		keys := 0
		for _, r := range y.store.records(t) {
			if r.Kind == manifest.KindKey {
				keys++
			}
			if r.Kind == manifest.KindGap || !isSigned(r) && keys > 0 {
				t.Errorf("crash after %d effects: record %+v", k, r)
			}
		}
		if beats := len(y.beats()); keys != 1 || beats < 3 || beats > 4 || len(y.ledger.Notices()) > 0 {
			t.Fatalf("crash after %d effects: %d keys, %d heartbeats", k, keys, beats)
		}
		if got := y.store.restored(t); len(got) != 2 || got[1] != event(22, "b")+event(22, "c") {
			t.Fatalf("crash after %d effects: %q", k, got)
		}
		return crashed
	})
}

func TestReadOn(t *testing.T) {
	dir := t.TempDir()
	text := strings.Repeat("some line\n", 100000)
	must(t, os.WriteFile(dir+"/log", []byte(text), 0o600))
	f, err := os.Open(dir + "/log")
	must(t, err)
	defer f.Close()
	var read *ledger.Reading
	for _, size := range []int64{0, 1, 64, 1000, 999999, 1000000} {
		read, err = readOn(t.Context(), &growing{f, size}, read)
		must(t, err)
		if read.Size != size || read.SHA256 != hexSum(text[:size]) || read.Lines != size/10 {
			t.Errorf("of %d bytes: %d, %d lines, %s", size, read.Size, read.Lines, read.SHA256)
		}
	}
	for name, from := range map[string]*ledger.Reading{
		"cut":            read,
		"a damaged hash": {Size: 10, SHA256: hexSum(text[:10]), State: []byte("x")},
		"another hash":   {Size: 10, SHA256: hexSum("x"), State: read.State},
	} {
		got, err := readOn(t.Context(), &growing{f, 500}, from)
		if err != nil || got.Size != 500 || got.SHA256 != hexSum(text[:500]) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := readOn(t.Context(), &growing{f, 2000000}, nil); err != nil || got.Size != 1000000 {
		t.Errorf("a file that is shorter than it was: %+v, %v", got, err)
	}
}

var must = audittest.Must
