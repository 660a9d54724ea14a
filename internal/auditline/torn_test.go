package auditline

import (
	"bytes"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// TestSalvageIsBounded feeds lines whose beginnings never end: sixteen times as
// many cost sixteen times as much, not 256 times.
func TestSalvageIsBounded(t *testing.T) {
	var d Decoder
	var e Event
	salvage := func(n int) func() {
		line := bytes.Repeat([]byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestObject":`), n)
		return func() {
			if parts := d.salvage(line, &e); len(parts) > 0 {
				t.Errorf("found %d events", len(parts))
			}
		}
	}
	audittest.CheckCost(t, 64, salvage(4000), salvage(64000))
	if parts := d.salvage(bytes.Repeat([]byte(simpleEvent("a")), maxParts+10), &e); len(parts) != maxParts {
		t.Errorf("found %d events, want %d at most", len(parts), maxParts)
	}
}

// TestBrokenLinesLeaveNothingBehind decodes many events that are only looked
// for: their strings must not pile up.
func TestBrokenLinesLeaveNothingBehind(t *testing.T) {
	var d Decoder
	var e Event
	line := []byte("torn" + strings.Replace(simpleEvent("a"), `"get"`, `"\u0041`+strings.Repeat("b", 1000)+`"`, 1))
	for range 1000 {
		e.Release()
		if what, _ := d.Line(line, &e); what != Broken {
			t.Fatal("the line is not broken")
		}
	}
	if n := cap(e.arena); n > 16<<10 {
		t.Errorf("%d bytes are kept of events that were looked for", n)
	}
}
