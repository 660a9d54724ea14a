//go:build e2e

package controlplane

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
)

// table is the final output of the suite.
type table struct {
	buf    *bytes.Buffer
	writer *tabwriter.Writer
}

func newTable() *table {
	buf := new(bytes.Buffer)
	t := &table{buf, tabwriter.NewWriter(buf, 0, 8, 2, ' ', 0)}
	fmt.Fprintln(t.writer, strings.Join([]string{
		"scenario", "files", "MB", "counted", "- errors", "+ after the count", "+ of killed", "written", "archived", "Loki",
	}, "\t"))
	return t
}

func (t *table) add(s scenario, f figures) {
	fmt.Fprintf(t.writer, "%s\t%d\t%.1f\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
		s.name, f.files, float64(f.bytes)/1e6, f.counted, f.errors, f.later, f.uncounted, f.written, f.archived, f.loki)
}

func (t *table) String() string {
	_ = t.writer.Flush() // writes to memory
	return t.buf.String()
}
