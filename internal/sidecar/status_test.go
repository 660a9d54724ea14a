package sidecar

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

func TestStateInWords(t *testing.T) {
	for _, test := range []struct {
		entry ledger.Entry
		want  string
		level admin.Level
	}{
		{ledger.Entry{State: ledger.Held}, "being written", admin.Idle},
		{ledger.Entry{State: ledger.Held, Open: &ledger.Increments{Offset: 31}}, "being written; the archive has 62 %", admin.Idle},
		{ledger.Entry{State: ledger.Held, Open: &ledger.Increments{Offset: 99}}, "being written; the archive has 100 %", admin.Idle},
		{ledger.Entry{State: ledger.Held, Finished: true, Loki: true}, "waits for the archive and Loki", admin.Warn},
		{ledger.Entry{State: ledger.Held, Finished: true}, "waits for the archive", admin.Warn},
		{ledger.Entry{State: ledger.Converted, Finished: true}, "on its way to the archive", admin.Warn},
		{ledger.Entry{State: ledger.Stored, Finished: true}, "archived", admin.Good},
		{ledger.Entry{State: ledger.Retired, Finished: true, Loki: true}, "archived; waits for Loki", admin.Warn},
		{ledger.Entry{State: ledger.Retired, Finished: true}, "archived", admin.Good},
		{ledger.Entry{State: ledger.Retired, Finished: true, Reason: "no room"}, "given up: no room", admin.Bad},
		{ledger.Entry{State: ledger.Quarantined, Finished: true, Reason: "bad gzip"}, "cannot be archived, kept: bad gzip", admin.Bad},
	} {
		if got, level := stateInWords(&test.entry, 50); got != test.want || level != test.level {
			t.Errorf("%+v: %q %s, want %q %s", test.entry, got, level, test.want, test.level)
		}
	}
}

// The command on the page can be pasted: words with blanks are quoted.
func TestVerifyCommand(t *testing.T) {
	settings := config.Run{
		Identity: config.Identity{Cluster: "c", Node: "n"},
		Archive: config.Archive{URL: "s3://bucket/it's here", S3Config: archive.S3Config{
			Endpoint: "http://minio:9000", Region: "eu", PathStyle: true, CAFile: "/ca.pem",
		}},
	}
	got := VerifyCommand(settings, strings.Repeat("a", 64))
	want := `auditsidecar verify 's3://bucket/it'\''s here' --cluster c --node n --expect-head ` + strings.Repeat("a", 64) +
		` --s3-endpoint http://minio:9000 --s3-region eu --s3-ca-file /ca.pem --s3-path-style`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// The page shows the last breaks, the newest first; all are counted.
func TestGaps(t *testing.T) {
	reg := prometheus.NewRegistry()
	g := newGaps(reg)
	g.waiting([]ledger.Gap{{Reason: "pruned", File: "old", To: time.Unix(1, 0)}})
	for i := range shownGaps {
		g.count(ledger.Gap{Reason: "truncated", File: fmt.Sprint(i)})
	}
	newest := g.newest()
	if len(newest) != shownGaps || newest[0].File != "19" || newest[shownGaps-1].File != "0" {
		t.Errorf("%d: %+v", len(newest), newest)
	}
	families, err := reg.Gather()
	must(t, err)
	counted := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	if len(counted) != 10 || counted["truncated"] != shownGaps || counted["pruned"] != 0 {
		t.Errorf("%v", counted)
	}
}

// An answer before the state is open has no figures of it, and afterwards
// has them: files, the chain, and the part that the archive does not have yet.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	const log = "{\"a\":1}\n{\"a\":2}\n"
	put(t, filepath.Join(dir, "audit", "audit-2026-11-22T17-00-27.978.log"), []byte(log))
	put(t, filepath.Join(dir, "audit", "audit.log"), []byte("open\n"))
	var settings config.Run
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	settings.Register(flags)
	settings.AuditLogPath, settings.Archive.URL = filepath.Join(dir, "audit", "audit.log"), "file://"+filepath.Join(dir, "archive")
	settings.Identity = config.Identity{Cluster: "c", Node: "n"}
	s, err := New(t.Context(), Config{Settings: settings, Shown: config.Show(flags), Log: zerolog.Nop()})
	must(t, err)
	metric := func(name string) float64 {
		t.Helper()
		families, err := s.registry.Gather()
		must(t, err)
		for _, f := range families {
			if f.GetName() == "auditsidecar_"+name {
				return f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Errorf("no metric %s", name)
		return 0
	}
	if r := s.report(); len(r.Files) != 0 || r.Chain.Epoch != "" || len(r.Settings) < 30 || r.Cluster != "c" {
		t.Errorf("before: %+v", r)
	}
	if got := metric("archive_lag_bytes"); !math.IsNaN(got) {
		t.Errorf("the archive is %v bytes behind before anybody looked", got)
	}

	st, err := s.openState()
	must(t, err)
	defer func() { must(t, st.unlock()) }()
	loops, err := s.wire(st, nil, nil)
	must(t, err)
	defer loops.hold.Close()
	s.working.Store(loops)
	must(t, loops.hold.Sync(t.Context()))
	if got, want := metric("archive_lag_bytes"), float64(len(log)+len("open\n")); got != want {
		t.Errorf("the archive is %v bytes behind, want %v", got, want)
	}
	must(t, loops.shipper.Sync(t.Context()))
	if got := metric("archive_lag_bytes"); got != float64(len("open\n")) {
		t.Errorf("the archive is %v bytes behind, want those of the open file", got)
	}
	if got := time.Since(time.Unix(int64(metric("archive_last_success_timestamp_seconds")), 0)); got > time.Hour {
		t.Errorf("the archive took nothing for %v", got)
	}
	r := s.report()
	if len(r.Files) != 2 || r.Files[0].Name != "audit.log" || r.Files[0].Size != 5 || r.Files[1].State != "archived" || r.Older != 0 {
		t.Errorf("files: %+v", r.Files)
	}
	if r.Chain.Number != 2 || !strings.HasSuffix(r.Chain.Verify, "--cluster c --node n --expect-head "+r.Chain.Root) {
		t.Errorf("chain: %+v", r.Chain)
	}
}
