package parquet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

// rowsOf returns line, part, status, audit ID and whether raw is kept, for all
// rows of a result in order.
func rowsOf(tb testing.TB, res Result) []string {
	tb.Helper()
	var rows []string
	for _, in := range inputs(tb, res) {
		f, err := rowread.Open(in, in.Size)
		if err != nil {
			tb.Fatal(err)
		}
		o, err := rowread.NewReader(f)
		if err != nil {
			tb.Fatal(err)
		}
		var r rowread.Row
		for o.Next(&r) == nil {
			rows = append(rows, fmt.Sprintf("%d.%d %s raw=%v", r.Line, r.Part, r.Event.Text(auditline.AuditID), r.Raw != nil))
		}
		o.Close()
	}
	return rows
}

// simpleEvent is a short event with an audit ID.
func simpleEvent(id string) string {
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"` + id +
		`","stage":"ResponseComplete","requestURI":"/","verb":"get","user":{"username":"u"},"requestReceivedTimestamp":null,"stageTimestamp":"2026-11-22T16:59:23.525775Z"}`
}

func TestI2_BrokenLines(t *testing.T) {
	a, b := simpleEvent("a"), simpleEvent("b")
	nested := strings.Replace(a, `"verb":"get"`, `"verb":"get","requestObject":[`+b+`]`, 1)
	for name, c := range map[string]struct {
		line string
		want []string
	}{
		"torn":                   {a[:100], []string{"1.0  raw=true"}},
		"glued":                  {a + b, []string{"1.0 a raw=true", "1.1 b raw=false"}},
		"torn, then glued":       {a[:100] + b, []string{"1.0 b raw=true"}},
		"whole, then torn":       {a + b[:100], []string{"1.0 a raw=true"}},
		"three":                  {a + b + simpleEvent("c"), []string{"1.0 a raw=true", "1.1 b raw=false", "1.2 c raw=false"}},
		"hole before":            {"\x00\x00\x00" + a, []string{"1.0 a raw=true"}},
		"hole between":           {a + "\x00\x00" + b, []string{"1.0 a raw=true", "1.1 b raw=false"}},
		"hole after":             {a + "\x00", []string{"1.0 a raw=true"}},
		"an event in a body":     {nested[:len(nested)-5], []string{"1.0  raw=true"}},
		"text before and after":  {"x" + a + "y", []string{"1.0  raw=true"}},
		"event of another group": {strings.Replace(a, "audit.k8s.io", "example.com", 1), []string{"1.0  raw=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			res := roundTrip(t, []byte(c.line+"\n"), defaultLimits())
			if got := rowsOf(t, res); strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("rows %q, want %q", got, c.want)
			}
			if res.Lines != 1 {
				t.Errorf("%d lines, want 1", res.Lines)
			}
		})
	}
}

func TestI2_OneRowOfPartZeroForEachLine(t *testing.T) {
	for _, name := range []string{"torn-line.log", "nul-hole.log", "enospc.log"} {
		t.Run(name, func(t *testing.T) {
			res := convertBytes(t, audittest.Corpus(t, name), defaultLimits())
			seen := map[string]int{}
			for _, row := range rowsOf(t, res) {
				line, rest, _ := strings.Cut(row, ".")
				if strings.HasPrefix(rest, "0 ") {
					seen[line]++
				}
			}
			for n := int64(1); n <= res.Lines; n++ {
				if got := seen[fmt.Sprint(n)]; got != 1 {
					t.Errorf("line %d has %d rows of part 0", n, got)
				}
			}
		})
	}
}
