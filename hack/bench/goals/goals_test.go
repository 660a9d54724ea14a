package goals

import (
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	for name, test := range map[string]struct {
		goal Goal
		want string
	}{
		"reaches the aim":       {Goal{Name: "cpu", Figure: 2.8, Unit: "x", Reference: "zstd -1", Goal: 3.6, Aim: 2.8}, "cpu 2.80 x zstd -1 <= 3.6 <= 2.8 aim"},
		"reaches the goal":      {Goal{Name: "cpu", Figure: 3.6, Unit: "x", Reference: "zstd -1", Goal: 3.6, Aim: 2.8}, "<= 2.8 goal"},
		"reaches neither":       {Goal{Name: "cpu", Figure: 3.61, Unit: "x", Reference: "zstd -1", Goal: 3.6, Aim: 2.8}, "<= 2.8 NO"},
		"a lower bound, aim":    {Goal{Name: "DuckDB", Figure: 1.3, Unit: "x", AtLeast: true, Goal: 1.05, Aim: 1.3}, ">= 1.05 >= 1.3 aim"},
		"a lower bound, goal":   {Goal{Name: "DuckDB", Figure: 1.05, Unit: "x", AtLeast: true, Goal: 1.05, Aim: 1.3}, ">= 1.3 goal"},
		"a lower bound, missed": {Goal{Name: "DuckDB", Figure: 1.04, Unit: "x", AtLeast: true, Goal: 1.05, Aim: 1.3}, ">= 1.3 NO"},
	} {
		var b strings.Builder
		Print(&b, []Goal{test.goal})
		got := strings.Join(strings.Fields(b.String()), " ")
		if !strings.HasPrefix(got, "goal figure reference goal aim met") || !strings.HasSuffix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
