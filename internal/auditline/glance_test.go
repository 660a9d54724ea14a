package auditline

import (
	"reflect"
	"testing"
)

func TestGlanceAgreesWithScan(t *testing.T) {
	var d Decoder
	var e Event
	var g Glancer
	hits := 0
	for _, line := range realLines(t) {
		o, us, ok := g.Glance(line, line, false)
		if what, _ := d.Line(line, &e); !ok || what != Canonical {
			continue
		}
		hits++
		if want, at := e.Object(), e.ints[StageTimestamp]; !reflect.DeepEqual(o, want) || us != at {
			t.Fatalf("glance of %s\nis %q, %d; want %q, %d", line, o, us, want, at)
		}
	}
	if hits < 1000 {
		t.Errorf("%d glances, want at least 1000", hits)
	}
}
