package ddl

import (
	"strings"
	"testing"
)

// body is a query without its comments.
func body(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// Each query names its question, and each of its parameters is a literal of it, its alone.
func TestQueriesHaveTheirParameters(t *testing.T) {
	all, err := Queries()
	if err != nil || len(all) < 34 {
		t.Fatalf("%d queries, %v", len(all), err)
	}
	for _, q := range all {
		if q.Answers == "" || len(q.Params) == 0 {
			t.Errorf("%s: %+v", q.Name, q)
		}
		examples := map[string]bool{}
		for _, p := range q.Params {
			if !strings.Contains(body(q.text), "'"+p.Example+"'") || examples[p.Example] {
				t.Errorf("%s: %s '%s' is no literal of its own", q.Name, p.Name, p.Example)
			}
			examples[p.Example] = true
		}
		if text, err := q.Fill("trino", "audit", nil); err != nil || text != q.text {
			t.Errorf("%s without values is another text (%v)", q.Name, err)
		}
	}
}

func TestFill(t *testing.T) {
	all, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	find := func(name string) (found Query) {
		for _, q := range all {
			if q.Is(name) {
				found = q
			}
		}
		return found
	}
	for _, test := range []struct {
		name, query, engine string
		values              map[string]string
		want, wantErr       string
	}{
		{name: "a quotation mark", query: "user-actions", engine: "trino", values: map[string]string{"user": "o'b"}, want: "user_name = 'o''b'\n"},
		{name: "a quotation mark and a backslash in Spark", query: "01", engine: "spark", values: map[string]string{"user": `o'b\`}, want: `user_name = 'o\'b\\'` + "\n"},
		{name: "a backslash elsewhere", query: "01", engine: "duckdb", values: map[string]string{"user": `b\`}, want: `user_name = 'b\'` + "\n"},
		{name: "a value that is the example of another", query: "01", values: map[string]string{"user": "production", "cluster": "dev-1"}, want: "cluster = 'dev-1' AND dt = '2026-11-22'\n  AND user_name = 'production'\n"},
		{name: "a time", query: "06-deletions", values: map[string]string{"from": "2026-12-01T10:00:00+01:00"}, want: "TIMESTAMP '2026-12-01 09:00:00'"},
		{name: "no time", query: "06-deletions", values: map[string]string{"from": "2026-12-01"}, wantErr: "a time in UTC such as 2026-11-22 16:30:00"},
		{name: "no day", query: "01", values: map[string]string{"day": "yesterday"}, wantErr: "a day such as 2026-11-22"},
		{name: "a line break, which would end the comment", query: "01", values: map[string]string{"user": "x\nDROP"}, wantErr: "without control characters"},
		{name: "an empty value", query: "01", values: map[string]string{"user": ""}, wantErr: "expected some text"},
		{name: "a name that is none", query: "01", values: map[string]string{"usr": "x"}, wantErr: "--param usr: the query user-actions has cluster 'production', day '2026-11-22', user 'dev-1'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := find(test.query).Fill(test.engine, "hive.audit", test.values)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || !strings.Contains(body(text), test.want) || !strings.Contains(text, "FROM hive.audit.audit\n") {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// FuzzFill fills in any text: it stays one literal of one line.
func FuzzFill(f *testing.F) {
	all, err := Queries()
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"dev-1", "'", `\`, `\'`, "--", "a'; DROP TABLE x; --", "\r"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for engine := range dialects() {
			text, err := all[0].Fill(engine, "audit", map[string]string{"user": value})
			if err != nil {
				continue
			}
			if strings.Count(text, "\n") != strings.Count(all[0].text, "\n") {
				t.Fatalf("%q breaks a line in %s", value, engine)
			}
			_, rest, _ := strings.Cut(body(text), "user_name = ")
			if got, tail := unquoted(engine, rest); got != value || !strings.HasPrefix(tail, "\n  AND stage") {
				t.Fatalf("%q is %q in %s, before %q", value, got, engine, tail)
			}
		}
	})
}

// unquoted reads the literal at the beginning of a text as an engine does.
func unquoted(engine, text string) (value, tail string) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case engine == "spark" && c == '\\':
			i++
			b.WriteByte(text[i])
		case engine != "spark" && c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case c == '\'':
			return b.String(), text[i+1:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// An archive without any record has empty tables of them.
func TestWithoutRecords(t *testing.T) {
	o := options()
	o.Bare = true
	script, err := Render("duckdb", o)
	if err != nil || strings.Contains(script, "manifests/") || !strings.Contains(script, `AS "checkpoint"`) {
		t.Errorf("%v: it reads records, or has no empty table of them", err)
	}
}
