package shipper

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// yard is a state directory with held segments and a Shipper over it.
type yard struct {
	t     testing.TB
	dir   string
	fs    durable.FS
	store *memoryStore
	notes []string
	gaps  []string // reasons

	starts  int64
	ledger  *ledger.Ledger
	shipper *Shipper
	passes  []error // how passes ended
	release int
	lag     time.Duration
	redact  *redact.Key // of a redacted archive
	beat    time.Duration
	key     *manifest.SigningKey
	ask     func(context.Context) (Counters, error)
	input   *manifest.Input
	setup   func() manifest.Setup
}

func newYard(t testing.TB) *yard { return &yard{t: t, dir: audittest.FastDir(t), store: newStore()} }

func (y *yard) heldPath(id string) string { return filepath.Join(y.dir, "held", id) }

func (y *yard) start() error {
	var err error
	y.starts++ // a later epoch sorts after an earlier one
	if y.ledger, _, err = ledger.Open(y.fs, y.dir, "machine", time.Unix(1_700_000_000+y.starts, 0)); err != nil {
		return err
	}
	known := y.ledger.Chain()
	var head manifest.Head
	if known.Joined {
		head = TreeHead(known.Head)
	}
	chain, err := manifest.Open(y.fs, y.dir, manifest.Identity{Cluster: "c", Node: "n", MachineID: "machine", Epoch: known.Epoch}, BeginsOf(known), head)
	if err != nil {
		return err
	}
	cfg := Config{
		Chain: chain, Keys: keys{}, MaxLag: y.lag, StateDir: y.dir, Held: held{y}, Cluster: "c", Node: "n", Version: "test",
		FS: y.fs, Ledger: y.ledger, Store: y.store, Interval: time.Hour,
		Heartbeat: y.beat, Key: y.key, Log: arriving{y}, Setup: y.setup, Events: recorder{y}, Registry: prometheus.NewRegistry(),
	}
	if y.redact != nil {
		redactor, policy := redactor(y.t, *y.redact)
		cfg.Redact = &Redaction{Redactor: redactor, Policy: policy}
		cfg.Blind = func(sum string) string { return manifest.Blind(y.redact[:], sum) }
	}
	y.shipper, err = New(cfg)
	return err
}

// arriving implements [Log].
type arriving struct{ *yard }

func (a arriving) Ask(ctx context.Context) (Counters, bool) {
	if a.ask == nil {
		return Counters{}, false
	}
	c, err := a.ask(ctx)
	return c, err == nil
}

func (a arriving) Input() *manifest.Input { return a.input }

// held is the yard's directory of held files.
type held struct{ *yard }

func (h held) Path(id string) string { return h.heldPath(id) }
func (h held) Wake()                 { h.release++ }

// recorder stores the shipper's reports in the yard.
type recorder struct{ *yard }

func (recorder) Head(ledger.Head)   {}
func (r recorder) Pass(err error)   { r.passes = append(r.passes, err) }
func (r recorder) Gap(g ledger.Gap) { r.gaps = append(r.gaps, string(g.Reason)) }
func (r recorder) File(event string, e ledger.Entry) {
	r.notes = append(r.notes, event+": "+e.Name)
}

func (y *yard) mustStart() {
	y.t.Helper()
	if err := y.start(); err != nil {
		y.t.Fatal(err)
	}
}

// add puts a held segment into the directory and the ledger.
func (y *yard) add(id, text string, edit func(*ledger.Entry)) {
	y.t.Helper()
	if err := os.MkdirAll(filepath.Join(y.dir, "held"), 0o700); err != nil {
		y.t.Fatal(err)
	}
	if err := os.WriteFile(y.heldPath(id), []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	e := ledger.Entry{
		ID: id, Name: "audit-" + id + ".log", Finished: true, State: ledger.Held,
		Rotated: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC),
	}
	if edit != nil {
		edit(&e)
	}
	if err := y.ledger.Add(e); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) state(id string) ledger.State {
	y.t.Helper()
	e, ok := y.ledger.Get(id)
	if !ok {
		y.t.Fatalf("no entry %s", id)
	}
	return e.State
}
