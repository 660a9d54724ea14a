// Command bench asks an archive of 30 days and three nodes the eight questions of
// docs/BENCHMARKS.md, in DuckDB on one thread, and asks the same of the same log
// as JSON.gz: CPU time, bytes read, equal answers. Then it asks about one day, and
// about one day of many small objects, as they are and after an engine has
// rewritten them into one. Run by `make bench-queries`.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	var s suite
	flag.StringVar(&s.binary, "binary", "bin/auditsidecar", "the auditsidecar to archive with")
	flag.StringVar(&s.log, "log", "", "a real log to make the days of (`FILE`); hack/corpus unpacks one")
	flag.IntVar(&s.days, "days", 30, "days")
	flag.IntVar(&s.nodes, "nodes", 3, "nodes")
	flag.IntVar(&s.small, "small", 20, "objects of one day, for the question whether to compact")
	flag.Parse()
	dir, err := os.MkdirTemp("", "auditsidecar-bench-")
	if err == nil {
		s.dir = dir
		err = s.run()
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// suite is one run.
type suite struct {
	binary, log, dir   string
	days, nodes, small int
}

func (s *suite) run() error {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return fmt.Errorf("read the log to make days of: %w", err)
	}
	if err := s.fill(log); err != nil {
		return err
	}
	db, err := openDB()
	if err != nil {
		return err
	}
	defer db.Close()
	events, err := s.tables(db, "archive")
	if err != nil {
		return err
	}
	archived := dataset{"archive", events}
	plain := dataset{"JSON.gz", jsonFrom(filepath.Join(s.dir, "gz", "*", "*.json.gz"))}
	if err := db.compare(fmt.Sprintf("%d days, %d nodes", s.days, s.nodes), plain, archived); err != nil {
		return err
	}
	if err := s.oneDay(db, events); err != nil {
		return err
	}
	return s.compact(db)
}

// tables makes the tables of an archive, a directory, as `ddl` says it, and
// returns the one of all rows.
func (s *suite) tables(db *database, dir string) (string, error) {
	script, err := exec.Command(s.binary, "ddl", "duckdb", "--location", "file://"+filepath.Join(s.dir, dir), "--database", dir).Output()
	if err == nil {
		_, err = db.Exec(string(script))
	}
	if err != nil {
		return "", fmt.Errorf("make the tables of %s: %w", dir, err)
	}
	return dir + ".audit_events", nil
}

// oneDay asks the whole archive about one day, and that day alone.
func (s *suite) oneDay(db *database, events string) error {
	day := dayOf(s.days / 2)
	whole := dataset{"archive", events + " WHERE dt = '" + day + "'"}
	alone := dataset{"that day", "read_parquet('" + filepath.Join(s.dir, "archive", "data", "*", "dt="+day, "*.parquet") + "')"}
	return db.compare("one day of "+fmt.Sprint(s.days), alone, whole)
}

// compact asks about a day of small objects, and about the objects that a single statement
// of an engine makes of them.
func (s *suite) compact(db *database) error {
	small, err := s.tables(db, "small")
	if err != nil {
		return err
	}
	one := filepath.Join(s.dir, "compact.parquet")
	cost, err := db.measure(`COPY (SELECT * FROM ` + small + ` ORDER BY object_resource, object_namespace, object_name, stage_timestamp, node, epoch, seq, source_line, line_part)
		TO '` + one + `' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 200000)`)
	if err != nil {
		return err
	}
	before, err := sizeOf(filepath.Join(s.dir, "small", "data"))
	if err != nil {
		return err
	}
	after, err := sizeOf(one)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d objects of one day: %.1f MB; rewritten into one: %.1f MB, for %.1f CPU s\n", s.small, before/1e6, after/1e6, cost.cpu)
	return db.compare("compacted", dataset{"small", small}, dataset{"one", "read_parquet('" + one + "')"})
}

func sizeOf(path string) (float64, error) {
	var total float64
	err := filepath.WalkDir(path, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += float64(info.Size())
		}
		return err
	})
	return total, err
}
