//go:build e2e

package faults

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// outcome is one row of the table.
type outcome struct {
	name                                  string
	written                               int
	archived, archivedLost, archivedTwice int
	loki, lokiLost, lokiDistinct, resent  int
	gaps                                  []gap
	memory                                int64
	fds, goroutines                       int
	took                                  time.Duration
	judged                                bool
	problems                              []string
}

// problem notes why a scenario failed.
func (o *outcome) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// verdict is the last column.
func (o *outcome) verdict() string {
	switch {
	case len(o.problems) > 0:
		return "FAILED: " + o.problems[0]
	case !o.judged:
		return "FAILED: it did not come to its end"
	case len(o.gaps) > 0:
		return "ok, recorded: " + o.reasons()
	}
	return "ok"
}

// reasons lists the reasons of the gaps, each once.
func (o *outcome) reasons() string {
	var list []string
	for _, g := range o.gaps {
		if !strings.Contains(strings.Join(list, " "), g.Reason) {
			list = append(list, g.Reason)
		}
	}
	return strings.Join(list, ", ")
}

// table prints the rows.
func table(rows []*outcome) string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "seconds\twritten\tarchived\ttwice\tLoki\tdistinct\tresent\tgaps\tMiB\tfds\tgoroutines\t  scenario: verdict")
	for _, o := range rows {
		fmt.Fprintf(w, "%.0f\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t  %s: %s\n", o.took.Seconds(), o.written, o.archived, o.archivedTwice,
			o.loki, o.lokiDistinct, o.resent, len(o.gaps), o.memory>>20, o.fds, o.goroutines, o.name, o.verdict())
	}
	_ = w.Flush() // into memory
	return out.String()
}
