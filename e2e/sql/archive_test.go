package sql

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// logFile is a finished file of the audit log of one node.
type logFile struct {
	node, name string
	content    []byte
	forged     bool   // its objects have no record
	record     record // identify reads it
}

// record has the needed fields of a record of the archive.
type record struct {
	Kind  string     `json:"kind"`
	Epoch string     `json:"epoch"`
	Seq   int64      `json:"seq"`
	Time  *time.Time `json:"time"`
	Gaps  []struct {
		Reason, File, Detail string
		From, To             *time.Time
		Bytes                int64
	} `json:"gaps"`
}

// logs are the files that every archive here is made of: one log with one of
// everything, a few lines of forms that it lacks and a hole of NUL bytes, which is a
// gap in its record; and one of a busy cluster.
func logs(tb testing.TB) []*logFile {
	diverse := audittest.Corpus(tb, "diverse.log")
	binding := lineWith(tb, diverse, `"verb":"create"`, `"resource":"clusterrolebindings"`)
	node := lineWith(tb, diverse, `"username":"system:node:node-01"`, `"sourceIPs":["127.0.0.1"]`)
	hole := make([]byte, 4096)
	diverse = slices.Concat(diverse,
		bytes.ReplaceAll(binding, []byte("clusterrolebindings"), []byte("certificatesigningrequests")),
		bytes.Replace(node, []byte(`["127.0.0.1"]`), []byte(`["192.0.2.7"]`), 1),
		hole, []byte("\n"))
	return []*logFile{
		{node: "cp-1", name: "audit-2026-11-22T17-30-00.000.log", content: diverse},
		{node: "cp-2", name: "audit-2026-11-22T17-40-00.000.log", content: audittest.Corpus(tb, "rotated.log")},
	}
}

// lineWith returns the first line that has all the parts, with its newline.
func lineWith(tb testing.TB, log []byte, parts ...string) []byte {
	tb.Helper()
	for line := range bytes.Lines(log) {
		has := func(part string) bool { return bytes.Contains(line, []byte(part)) }
		if !slices.ContainsFunc(parts, func(p string) bool { return !has(p) }) {
			return line
		}
	}
	tb.Fatalf("no line with %q", parts)
	return nil
}

func binary(tb testing.TB) string {
	tb.Helper()
	path, err := builds.Auditsidecar()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func command(tb testing.TB, env []string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), binary(tb), args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("auditsidecar %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// archive stores the logs as each node's own sidecar would.
func archive(tb testing.TB, files []*logFile, url string, env []string, more ...string) {
	tb.Helper()
	for _, f := range files {
		dir := filepath.Join(tb.TempDir(), f.node)
		write(tb, filepath.Join(dir, f.name), f.content)
		command(tb, env, append([]string{"run", "--once", "--audit-log-path", filepath.Join(dir, "audit.log"),
			"--archive-url", url, "--cluster", "production", "--node", f.node}, more...)...)
	}
}

func write(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// forge puts the object of a file into the archive, a directory, that no record names.
func forge(tb testing.TB, dir string) *logFile {
	tb.Helper()
	log := audittest.Corpus(tb, "rotated.log")
	line := bytes.ReplaceAll(lineWith(tb, log, `"verb":"get"`), []byte("2026-11-22"), []byte("2026-11-24"))
	f := &logFile{node: "cp-1", name: "audit-2026-11-24T17-30-00.000.log", content: bytes.Repeat(line, 3), forged: true}
	path, out := filepath.Join(tb.TempDir(), f.name), tb.TempDir()
	write(tb, path, f.content)
	command(tb, nil, "convert", path, "--out", out, "--cluster", "production", "--node", f.node)
	paths, err := filepath.Glob(filepath.Join(out, "data", "*", "*", "*.parquet"))
	if err != nil || len(paths) != 1 {
		tb.Fatalf("objects %q, %v", paths, err)
	}
	rel, err := filepath.Rel(out, paths[0])
	if err != nil {
		tb.Fatal(err)
	}
	object, err := os.ReadFile(paths[0])
	if err != nil {
		tb.Fatal(err)
	}
	key := strings.Split(strings.TrimSuffix(rel, ".parquet"), "-")
	f.record.Epoch = key[len(key)-2]
	if f.record.Seq, err = strconv.ParseInt(key[len(key)-1], 10, 64); err != nil {
		tb.Fatal(err)
	}
	write(tb, filepath.Join(dir, rel), object)
	return f
}

// identify completes the files with their records in the archive, a directory. Each node has
// one file.
func identify(tb testing.TB, files []*logFile, dir string) {
	tb.Helper()
	for _, f := range files {
		paths, found := records(tb, dir, f.node), 0
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				tb.Fatal(err)
			}
			var r record
			if err := json.Unmarshal(text, &r); err != nil {
				tb.Fatal(err)
			}
			if r.Kind == "file" {
				f.record = r
				found++
			}
		}
		if found != 1 {
			tb.Fatalf("%d of the records %q of %s are of files", found, paths, f.node)
		}
	}
}

// records are the paths of the records of a node in an archive, a directory, in their order.
func records(tb testing.TB, dir, node string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "manifests", "cluster=production", "node="+node, "*.json"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("records %q, %v", paths, err)
	}
	return paths
}

// rollUp stores the rollup of a day with the records of a node from a number on.
func rollUp(tb testing.TB, dir, node, day string, from int) {
	tb.Helper()
	var before manifest.Tree
	var r *manifest.Rollup
	for i, path := range records(tb, dir, node) {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		e := manifest.Read(text)
		if e.Err != nil {
			tb.Fatal(e.Err)
		}
		if i+1 < from {
			before = before.With(e.Leaf)
			continue
		}
		if r == nil {
			r = manifest.NewRollup("production", node, 1, before)
		}
		r.Add(&e)
	}
	asJSON, asParquet, err := r.Seal(nil)
	if err != nil {
		tb.Fatal(err)
	}
	name := filepath.Join("cluster=production", "node="+node, "0001-"+day)
	write(tb, filepath.Join(dir, "rollups", name+".json"), asJSON)
	write(tb, filepath.Join(dir, "rollups", "parquet", name+".parquet"), asParquet)
}

// withRollups queries the recorded files while more and more of an archive, a directory, is in
// rollups, in the end without the records that they sum up: the answers stay.
func withRollups(t *testing.T, files []*logFile, dir string, more func(*logFile), open func() *sql.DB, schema string) {
	t.Helper()
	asked := func() (all []rows) {
		db := open()
		for _, view := range []string{"audit_files", "audit_gaps", "audit_recorded_files"} {
			got, err := ask(t, db, "SELECT * FROM "+schema+"."+view+" ORDER BY cluster, node, epoch, seq")
			if err != nil || len(got.cells) == 0 {
				t.Fatalf("%s: %d rows, %v", view, len(got.cells), err)
			}
			all = append(all, got)
		}
		return all
	}
	// The answers of rollups alone about a node, after all of its records are in one.
	closed := func() {
		text := "SELECT (SELECT count(*) FROM S.audit_rolled_files WHERE node = 'N'), (SELECT count(*) FROM S.audit_files WHERE node = 'N'), " +
			"(SELECT count(*) FROM S.audit_recorded_closed WHERE node = 'N') - (SELECT count(*) FROM S.audit WHERE node = 'N'), (SELECT count(*) FROM S.audit_rolled_files WHERE node <> 'N')"
		got, err := ask(t, open(), strings.NewReplacer("S.", schema+".", "'N'", "'"+files[0].node+"'").Replace(text))
		if err != nil || fmt.Sprint(got.cells) != "[[2 2 0 0]]" {
			t.Errorf("rollups alone: %v, %v", got.cells, err)
		}
	}
	later := *files[1]
	later.node, later.name = files[0].node, "audit-2026-11-22T18-30-00.000.log"
	var want []rows
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"no rollup", func() {
			rolled := len(records(t, dir, later.node))
			more(&later)
			if n := len(records(t, dir, later.node)); n <= rolled {
				t.Fatalf("%d records", n)
			}
		}},
		{"a rollup of the second record on", func() { rollUp(t, dir, later.node, "2026-11-23", 2) }},
		{"of all records of a node", func() { rollUp(t, dir, later.node, "2026-11-22", 1) }},
		{"without its records", func() {
			for _, path := range records(t, dir, later.node) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		step.do()
		got := asked()
		if want == nil {
			want = got
		}
		for i := range got {
			if d := differ(got[i], want[i]); d != "" {
				t.Errorf("%s: %s", step.name, d)
			}
		}
	}
	closed()
}

// query is an investigation of manifests/queries.
type query struct{ name, text string }

func queries(tb testing.TB) []query {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "manifests", "queries", "*.sql"))
	if err != nil || len(paths) < 20 {
		tb.Fatalf("%d queries, %v", len(paths), err)
	}
	var all []query
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, query{strings.TrimSuffix(filepath.Base(path), ".sql"), statement(string(text))})
	}
	return all
}

// statement is the text without comments and without the semicolon at its end.
func statement(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			kept = append(kept, line)
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(strings.Join(kept, "")), ";")
}

// statements splits a script of ddl: each ends in a semicolon at the end of a line.
func statements(script string) []string {
	var all []string
	for _, part := range strings.SplitAfter(script, ";\n") {
		if s := statement(part); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// freshRows stores increments of a recorded file and of the next one of its node, one of them twice,
// and returns the check of the views over them.
func freshRows(tb testing.TB, f *logFile, dir string) func(t *testing.T, db *sql.DB, schema string) {
	tb.Helper()
	lines := slices.Collect(bytes.Lines(audittest.Corpus(tb, "rotated.log")))[:5]
	next := f.record.Seq + 50
	increment := func(seq, first int64, copied string, lines ...[]byte) {
		text := string(slices.Concat(lines...))
		key := fmt.Sprintf("open/cluster=production/dt=2026-11-22/%012d-%012d-%s-%s-%08d%s.parquet", 1000*first, 1000*first+int64(len(text)), f.node, f.record.Epoch, seq, copied)
		path := filepath.Join(dir, key)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		_, err := parquet.Convert(tb.Context(), strings.NewReader(text), int64(len(text)), parquet.Config{File: path, Meta: parquet.Meta{
			Cluster: "production", Node: f.node, Epoch: f.record.Epoch, Seq: seq, SourceName: "audit.log", Converter: "test",
			Increment: parquet.Increment{From: 1000 * first, FirstLine: first},
		}})
		if err != nil {
			tb.Fatal(err)
		}
	}
	increment(f.record.Seq, 1, "", lines[0])
	increment(next, 1, "", lines[0], lines[1])
	increment(next, 1, ".r2", lines[0], lines[1])
	increment(next, 3, "", lines[2], lines[3], lines[4])
	return func(t *testing.T, db *sql.DB, schema string) {
		t.Helper()
		text := "SELECT (SELECT count(*) FROM S.audit_open_events), (SELECT count(*) FROM S.audit_open), (SELECT count(DISTINCT source_line) FROM S.audit_open), " +
			"(SELECT count(*) FROM S.audit_all) - (SELECT count(*) FROM S.audit_recorded), (SELECT count(*) FROM S.audit_open WHERE dt = '2026-11-21')"
		got, err := ask(t, db, strings.ReplaceAll(text, "S.", schema+"."))
		if err != nil || fmt.Sprint(got.cells) != "[[8 5 5 5 0]]" {
			t.Errorf("%v, %v", got.cells, err)
		}
		for _, q := range queries(t) {
			if strings.HasPrefix(q.name, "33-") {
				got, err := ask(t, db, strings.ReplaceAll(q.text, "audit.audit", schema+".audit"))
				if err != nil || !slices.ContainsFunc(got.cells, func(row []string) bool {
					return slices.Equal([]string{row[0], row[4], row[5]}, []string{f.node, "5", "open"})
				}) {
					t.Errorf("query 33: %v, %v", got.cells, err)
				}
			}
		}
	}
}
