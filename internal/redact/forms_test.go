package redact

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Of every form the secret is replaced, and the events in it stay events.
func TestForms(t *testing.T) {
	r := newTest(t, Config{})
	for _, form := range audittest.Forms() {
		t.Run(form.Name, func(t *testing.T) {
			line := []byte(form.Line)
			out, changed := r.Line(nil, line)
			if form.Secret != "" && (!changed || strings.Contains(string(out), form.Secret)) {
				t.Errorf("the secret stays: %s", out)
			}
			if json.Valid(line) && !json.Valid(out) {
				t.Errorf("no JSON any more: %s", out)
			}
			if ids := idsOf(out); !slices.Equal(ids, form.IDs) {
				t.Errorf("events %q, want %q: %s", ids, form.IDs, out)
			}
			if again, changed := r.Line(nil, slices.Clone(out)); changed {
				t.Errorf("redacted again to %s", again)
			}
		})
	}
}

func idsOf(line []byte) (ids []string) {
	var d auditline.Decoder
	var e auditline.Event
	what, parts := d.Line(line, &e)
	if what != auditline.Undecodable {
		ids = append(ids, string(e.Text(auditline.AuditID)))
	}
	for _, part := range parts[min(1, len(parts)):] {
		d.Line(line[part.From:part.To], &e)
		ids = append(ids, string(e.Text(auditline.AuditID)))
	}
	return ids
}
