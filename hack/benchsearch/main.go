// Command benchsearch asks a month of audit log the same questions with auditsidecar search,
// with zgrep over the files as JSON.gz, and with DuckDB over the same archive, and prints the
// bytes that each reads, its time and its CPU time.
//
//	go run ./hack/benchsearch -binary bin/auditsidecar [-days 30] [-duckdb FILE]
//
// Each day has two files of real logs (internal/audittest), moved to it. Everything is in the
// page cache: the time is that of the work, the bytes are those that a bucket would send.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// month is a directory with the same lines in two forms.
type month struct {
	dir             string
	archive, packed string
	size, packedAll int64 // bytes of the objects, and of all JSON.gz
}

// question is asked of all contenders.
type question struct {
	name  string
	flags []string // of search
	grep  string   // for zgrep
	where string   // for DuckDB
}

func questions() []question {
	const user, id = "nobody@example.com", "5b0c1f3e-8d7a-4a52-9b11-0a6d3c2f7e90"
	return []question{
		{"absent audit ID", []string{"--audit-id", id}, `"auditID":"` + id + `"`, "audit_id = '" + id + "'"},
		{"absent user", []string{"--user", user}, `"username":"` + user + `"`, "user_name = '" + user + "'"},
		{"object of every file", []string{"--resource", "leases", "--name", "kube-scheduler"}, `"objectRef":{"resource":"leases","namespace":"[^"]*","name":"kube-scheduler"`, "object_resource = 'leases' AND object_name = 'kube-scheduler'"},
		{"ten minutes of a day", []string{"--from", "2026-10-03T11:50:00Z", "--to", "2026-10-03T12:00:00Z"}, `"stageTimestamp":"2026-10-03T11:5`, "dt = '2026-10-03' AND stage_timestamp >= '2026-10-03 11:50:00' AND stage_timestamp < '2026-10-03 12:00:00'"},
	}
}

func main() {
	binary := flag.String("binary", "bin/auditsidecar", "the auditsidecar to run")
	duckdb := flag.String("duckdb", "duckdb", "the duckdb to run")
	days := flag.Int("days", 30, "days of the archive")
	flag.Parse()
	if err := bench(*binary, *duckdb, *days); err != nil {
		fmt.Fprintln(os.Stderr, "benchsearch:", err)
		os.Exit(1)
	}
}

func bench(binary, duckdb string, days int) error {
	dir, err := os.MkdirTemp("", "benchsearch")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := &month{dir: dir, archive: filepath.Join(dir, "archive"), packed: filepath.Join(dir, "json")}
	if err := m.fill(binary, days); err != nil {
		return err
	}
	fmt.Printf("%d days, %.1f MB of objects, %.1f MB of JSON.gz\n\n", days, mega(m.size), mega(m.packedAll))
	fmt.Printf("%-22s %-8s %8s %10s %8s %9s %8s\n", "question", "program", "lines", "MB read", "%", "time, s", "CPU, s")
	for _, q := range questions() {
		day := "2026-10-*"
		if strings.HasPrefix(q.name, "ten") { // the names of the files say the day
			day = "2026-10-03*"
		}
		runs := []struct {
			name  string
			all   int64
			files string // whose bytes are read whole; empty: the process counts
			args  []string
		}{
			{"search", m.size, "", append([]string{binary, "search", m.archive}, q.flags...)},
			{"zgrep", m.packedAll, filepath.Join(m.packed, "audit-"+day), []string{"sh", "-c", "zgrep -h -e '" + q.grep + "' " + m.packed + "/audit-" + day}},
			{"DuckDB", m.size, "", []string{duckdb, "-csv", "-noheader", "-c", "SELECT stage_timestamp, user_name, verb, object_resource, object_namespace, object_name, response_code, source_ips FROM read_parquet('" + m.archive + "/data/*/*/*.parquet', hive_partitioning = true) WHERE " + q.where}},
		}
		for _, r := range runs {
			u, err := run(r.args)
			if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
				fmt.Printf("%-22s %-8s not installed\n", q.name, r.name)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", q.name, r.name, err)
			}
			if r.files != "" {
				u.read = sizes(r.files)
			}
			fmt.Printf("%-22s %-8s %8d %10.2f %8.2f %9.2f %8.2f\n", q.name, r.name, u.lines, mega(u.read), 100*float64(u.read)/float64(r.all), u.wall.Seconds(), u.cpu.Seconds())
		}
	}
	return nil
}

// fill writes the month.
func (m *month) fill(binary string, days int) error {
	if err := os.MkdirAll(m.packed, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"rotated.log", "diverse.log"} {
		corpus, err := audittest.ReadCorpus(name)
		if err != nil {
			return err
		}
		for day := range days {
			last := time.Date(2026, 10, 1+day, 12, 0, 0, 0, time.UTC)
			if name == "diverse.log" {
				last = last.Add(4 * time.Hour)
			}
			if err := m.file(binary, audittest.Shift(corpus, last), "audit-"+last.Add(time.Second).Format("2006-01-02T15-04-05.000")+".log"); err != nil {
				return err
			}
		}
	}
	m.size, m.packedAll = sizes(filepath.Join(m.archive, "data", "*", "*", "*.parquet")), sizes(filepath.Join(m.packed, "*"))
	return nil
}

// file stores a file as objects and as JSON.gz.
func (m *month) file(binary string, log []byte, name string) error {
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, log, 0o600); err != nil {
		return err
	}
	defer os.Remove(path)
	if out, err := exec.Command(binary, "convert", path, "--no-check", "--out", m.archive).CombinedOutput(); err != nil {
		return fmt.Errorf("convert: %w: %s", err, out)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(log)
	if err := errors.Join(err, z.Close()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.packed, name+".gz"), b.Bytes(), 0o600)
}

// sizes is the size of files together.
func sizes(pattern string) (n int64) {
	files, _ := filepath.Glob(pattern) // the patterns are ours
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}

// usage is the cost of a process.
type usage struct {
	lines, read int64
	wall, cpu   time.Duration
}

// run runs a command. Its reads are those that this process inherits as it waits for it.
func run(args []string) (u usage, err error) {
	out, err := os.CreateTemp("", "benchsearch")
	if err != nil {
		return u, err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	var complaint bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, &complaint
	before, begin := readBytes(), time.Now()
	err = cmd.Run()
	u.wall, u.read = time.Since(begin), readBytes()-before-int64(complaint.Len())
	if err != nil && !(args[0] == "sh" && cmd.ProcessState.ExitCode() == 1) { // zgrep found nothing
		return u, fmt.Errorf("%w: %s", err, complaint.Bytes())
	}
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	u.cpu = time.Duration(use.Utime.Nano() + use.Stime.Nano())
	text, err := os.ReadFile(out.Name())
	u.lines = int64(bytes.Count(text, []byte("\n")))
	return u, err
}

// readBytes is how many bytes this process and those that it has waited for have read.
func readBytes() int64 {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	_, value, _ := strings.Cut(string(text), "rchar: ")
	value, _, _ = strings.Cut(value, "\n")
	n, _ := strconv.ParseInt(value, 10, 64)
	return n
}

func mega(n int64) float64 { return float64(n) / 1e6 }
