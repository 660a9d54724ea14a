package sql

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// rows is a result with its cells as text that is the same in every engine.
type rows struct {
	columns []string
	cells   [][]string
}

func ask(tb testing.TB, db *sql.DB, statement string) (rows, error) {
	tb.Helper()
	result, err := db.QueryContext(tb.Context(), statement)
	if err != nil {
		return rows{}, err
	}
	defer result.Close()
	var all rows
	if all.columns, err = result.Columns(); err != nil {
		return rows{}, err
	}
	for result.Next() {
		values := make([]any, len(all.columns))
		targets := make([]any, len(values))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := result.Scan(targets...); err != nil {
			return rows{}, err
		}
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = cell(v)
		}
		all.cells = append(all.cells, cells)
	}
	return all, result.Err()
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.000000")
	case string:
		return canonical(v)
	case []byte:
		return canonical(string(v))
	}
	return fmt.Sprint(v)
}

// canonical gives JSON text one form: the engines that took it out of a line
// write it again.
func canonical(text string) string {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return text
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return text
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(v); err != nil {
		return text
	}
	return out.String()
}

// differ says where two results differ; empty if they do not.
func differ(got, want rows) string {
	if strings.Join(got.columns, ",") != strings.Join(want.columns, ",") {
		return fmt.Sprintf("columns %q, want %q", got.columns, want.columns)
	}
	for i := range min(len(got.cells), len(want.cells)) {
		for j, c := range got.cells[i] {
			if c != want.cells[i][j] {
				return fmt.Sprintf("row %d, %s: %.200q, want %.200q", i+1, got.columns[j], c, want.cells[i][j])
			}
		}
	}
	if len(got.cells) != len(want.cells) {
		return fmt.Sprintf("%d rows, want %d", len(got.cells), len(want.cells))
	}
	return ""
}
