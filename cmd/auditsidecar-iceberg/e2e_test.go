package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/iceberg"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// real stores a day of real logs.
func (s *site) real() {
	s.t.Helper()
	for i, name := range []string{"diverse.log", "torn-line.log", "nul-hole.log", "rotated.log"} {
		content, err := audittest.ReadCorpus(name)
		must(s.t, err)
		s.file(fmt.Sprintf("cp-%d", i%2+1), time.Date(2026, 11, 22, 17, 30+i, 0, 0, time.UTC), string(content))
	}
}

// pyiceberg reads every cell of the table. PYICEBERG is the directory of its packages: make e2e-iceberg.
func TestPyiceberg(t *testing.T) {
	packages := os.Getenv("PYICEBERG")
	if packages == "" {
		t.Skip("make e2e-iceberg installs pyiceberg")
	}
	s := newSite(t)
	s.real()
	s.small("cp-1", "cp-2")
	s.sync()
	cmd := exec.CommandContext(t.Context(), "python3", filepath.Join("..", "..", "e2e", "python", "iceberg.py"), "sqlite:///"+filepath.Join(s.dir, "catalog.db"), s.archive())
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	must(t, err)
}

// Apache's REST fixture, a REST catalog over SQLite, keeps the table: the same races. REST_FIXTURE is
// the directory of its jars: make e2e-iceberg-rest.
func TestREST(t *testing.T) {
	jars := os.Getenv("REST_FIXTURE")
	if jars == "" {
		t.Skip("make e2e-iceberg-rest fetches Apache's REST fixture")
	}
	url := iceberg.StartREST(t, jars, "file://"+t.TempDir())
	spaces := 0
	open := func(t *testing.T) *site {
		t.Helper()
		s := newSite(t)
		spaces++
		s.rest, s.space = url, fmt.Sprintf("audit_%d", spaces)
		return s
	}
	s := open(t)
	s.real()
	s.sync()
	s.once()
	c := s.committer()
	if !c.table.Schema().Equals(schemaOf()) {
		t.Errorf("the catalog changed the columns: %s", c.table.Schema())
	}
	c.oldest = "2026-11-23"
	if removed, err := c.expire(t.Context()); err != nil || removed != len(s.keys) {
		t.Errorf("removed %d, %v", removed, err)
	}
	if n, _, err := c.expireSnapshots(t.Context(), time.Now().Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("expired %d snapshots, %v", n, err)
	}
	raceWithKill(t, open)
}

// Time and memory of a process that adds 30,000 objects of 30,000 records of three nodes.
func BenchmarkThirtyThousand(b *testing.B) {
	s := newSite(b)
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const files = 30000
	for i := range files {
		node, rotated := fmt.Sprintf("cp-%d", i%3+1), began.Add(time.Duration(i)*15*time.Minute)
		key := archive.DataKey("prod", rotated.Format(time.DateOnly), rotated.Format(archive.RotatedLayout), node, epoch, s.last[node]+1)
		s.record(node, manifest.Record{Kind: manifest.KindFile, Time: manifest.At(rotated), Source: source("audit.log", rotated, rotated.Add(-time.Minute), rotated, 1000),
			Counts:  manifest.Counts{Levels: map[string]int64{"Metadata": 900, "Request": 100}, Stages: map[string]int64{"ResponseComplete": 1000}},
			Objects: []manifest.Object{{Key: key, Size: 1 << 20, SHA256: strings.Repeat("c", 64), Rows: 1000}}})
	}
	for b.Loop() {
		must(b, os.RemoveAll(filepath.Join(s.dir, "catalog.db")))
		cmd := exec.CommandContext(b.Context(), os.Args[0], s.args()...)
		cmd.Env = append(os.Environ(), crashEnv+"=")
		at := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(at)
		if err != nil || !strings.Contains(string(out), "added 30000 objects with 30000000 rows") {
			b.Fatalf("%v: %s", err, out)
		}
		usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		b.ReportMetric(took.Seconds(), "s/30000-objects")
		b.ReportMetric(cmd.ProcessState.UserTime().Seconds()+cmd.ProcessState.SystemTime().Seconds(), "CPU-s")
		b.ReportMetric(float64(usage.Maxrss)/1024, "MB-RSS")
	}
}
