package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	_ "github.com/duckdb/duckdb-go/v2"
)

// database is DuckDB on one thread, in this process.
type database struct{ *sql.DB }

// dataset is something to ask, as it stands after FROM.
type dataset struct{ name, from string }

// cost is the cost of a statement, and its answer.
type cost struct {
	cpu, bytes float64
	answer     []string
}

func openDB() (*database, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	db.SetMaxOpenConns(1)
	for _, s := range []string{"SET threads=1", "SET enable_external_file_cache=false", "SET TimeZone='UTC'"} {
		if _, err := db.Exec(s); err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	return &database{db}, nil
}

// jsonFrom reads only the fields that the questions need: the best that JSON can do.
func jsonFrom(glob string) string {
	return `(SELECT stage, verb, auditID AS audit_id, requestURI AS request_uri, "user".username AS user_name, sourceIPs AS source_ips,
  objectRef.resource AS object_resource, objectRef.namespace AS object_namespace, objectRef.name AS object_name,
  responseStatus.code AS response_code, stageTimestamp AS stage_timestamp
  FROM read_json('` + glob + `', format='newline_delimited', maximum_object_size=134217728, columns={stage:'VARCHAR', verb:'VARCHAR', auditID:'VARCHAR',
  requestURI:'VARCHAR', "user":'STRUCT(username VARCHAR)', sourceIPs:'VARCHAR[]', objectRef:'STRUCT(resource VARCHAR, namespace VARCHAR, name VARCHAR)',
  responseStatus:'STRUCT(code INTEGER)', stageTimestamp:'TIMESTAMP'}))`
}

// question is one of the eight; %s is the dataset.
type question struct{ name, text string }

// questions takes their arguments from the data.
func (db *database) questions(from string) ([]question, error) {
	one := func(text string) (value string, err error) {
		err = db.QueryRow(strings.ReplaceAll(text, "%s", from)).Scan(&value)
		return value, err
	}
	var all []question
	for _, q := range []struct{ name, pick, text string }{
		{"by user", `SELECT user_name FROM %s GROUP BY 1 ORDER BY count(*), 1 LIMIT 1`,
			`SELECT count(*), substr(max(stage_timestamp)::VARCHAR, 1, 19) FROM %s WHERE user_name = '$'`},
		{"secrets in a namespace", `SELECT object_namespace FROM %s GROUP BY 1 HAVING bool_or(object_resource = 'secrets') AND object_namespace IS NOT NULL ORDER BY count(*), 1 LIMIT 1`,
			`SELECT user_name, verb, count(*) FROM %s WHERE object_resource = 'secrets' AND object_namespace = '$' GROUP BY ALL`},
		{"401 to 403", `SELECT ''`, `SELECT user_name, response_code, count(*) FROM %s WHERE response_code BETWEEN 401 AND 403 GROUP BY ALL`},
		{"pod deletions in a time window", `SELECT substr(max(stage_timestamp)::VARCHAR, 1, 10) FROM %s`,
			`SELECT user_name, object_namespace, object_name FROM %s WHERE object_resource = 'pods' AND verb = 'delete' AND stage_timestamp >= '$ 12:00:00'`},
		{"by audit_id", `SELECT max(audit_id) FROM %s WHERE object_resource = 'pods'`, `SELECT stage, verb, request_uri FROM %s WHERE audit_id = '$'`},
		{"absent audit_id", `SELECT '7fffffff-ffff-4fff-8fff-ffffffffffff'`, `SELECT stage, verb, request_uri FROM %s WHERE audit_id = '$'`},
		{"count by user and verb", `SELECT ''`, `SELECT user_name, verb, count(*) FROM %s GROUP BY ALL`},
		{"by source IP", `SELECT ip FROM (SELECT unnest(source_ips) AS ip FROM %s) GROUP BY 1 ORDER BY count(*), 1 LIMIT 1`,
			`SELECT user_name, verb, count(*) FROM %s WHERE list_contains(source_ips, '$') GROUP BY ALL`},
	} {
		value, err := one(q.pick)
		if err != nil {
			return nil, fmt.Errorf("choose what to ask, %s: %w", q.name, err)
		}
		all = append(all, question{q.name, strings.ReplaceAll(q.text, "$", strings.ReplaceAll(value, "'", "''"))})
	}
	return all, nil
}

// compare asks both and prints a table of ratios.
func (db *database) compare(title string, reference, ours dataset) error {
	questions, err := db.questions("(FROM " + ours.from + ")")
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n%-32s %12s %12s %8s %12s %12s %8s\n", title, "", "CPU ms, "+reference.name, ours.name, "ratio", "KB, "+reference.name, ours.name, "%")
	row := func(name string, r, o cost) {
		fmt.Printf("%-32s %12.1f %12.1f %8.1f %12.0f %12.0f %8.2f\n", name, r.cpu*1e3, o.cpu*1e3, r.cpu/o.cpu, r.bytes/1e3, o.bytes/1e3, 100*o.bytes/r.bytes)
	}
	var r, o cost
	for _, q := range questions {
		theirs, err := db.measure(strings.ReplaceAll(q.text, "%s", "(FROM "+reference.from+")"))
		if err != nil {
			return fmt.Errorf("%s, %s: %w", q.name, reference.name, err)
		}
		mine, err := db.measure(strings.ReplaceAll(q.text, "%s", "(FROM "+ours.from+")"))
		if err != nil {
			return fmt.Errorf("%s, %s: %w", q.name, ours.name, err)
		}
		if !slices.Equal(theirs.answer, mine.answer) {
			return fmt.Errorf("%s: %s and %s answer differently: %d and %d rows", q.name, reference.name, ours.name, len(theirs.answer), len(mine.answer))
		}
		row(q.name, theirs, mine)
		r, o = cost{cpu: r.cpu + theirs.cpu, bytes: r.bytes + theirs.bytes}, cost{cpu: o.cpu + mine.cpu, bytes: o.bytes + mine.bytes}
	}
	row("all", r, o)
	return nil
}

// measure runs a statement three times and keeps the cheapest: a disturbance of
// only adds.
func (db *database) measure(statement string) (cost, error) {
	var best cost
	for i := range 3 {
		cpu, bytes := used()
		answer, err := db.answer(statement)
		if err != nil {
			return best, err
		}
		cpu2, bytes2 := used()
		if c := (cost{cpu2 - cpu, bytes2 - bytes, answer}); i == 0 || c.cpu < best.cpu {
			best = c
		}
		if strings.HasPrefix(statement, "COPY") || best.cpu > 5 {
			break // long enough to be measured once
		}
	}
	return best, nil
}

func (db *database) answer(statement string) ([]string, error) {
	rows, err := db.QueryContext(context.Background(), statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all []string
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		all = append(all, fmt.Sprint(values...))
	}
	slices.Sort(all)
	return all, rows.Err()
}

// used is the CPU time of this process, in seconds, and the bytes it has read.
func used() (cpu, bytes float64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		cpu = float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	text, err := os.ReadFile("/proc/self/io")
	if err == nil {
		_, _ = fmt.Sscanf(string(text), "rchar: %g", &bytes)
	}
	return cpu, bytes
}
