package parquet

import (
	"slices"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Every event of every form is a row, and the line comes back.
func TestI3_OtherFormsComeBack(t *testing.T) {
	for _, form := range audittest.Forms() {
		t.Run(form.Name, func(t *testing.T) {
			res := roundTrip(t, []byte(form.Line+"\n"), defaultLimits())
			var ids []string
			for _, in := range inputs(t, res) {
				for _, row := range readRows(t, in) {
					if row.Event.Text(auditline.Level) != nil {
						ids = append(ids, string(row.Event.Text(auditline.AuditID)))
					}
				}
			}
			if !slices.Equal(ids, form.IDs) {
				t.Errorf("events %q, want %q", ids, form.IDs)
			}
		})
	}
}
