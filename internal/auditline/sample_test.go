package auditline

import (
	"reflect"
	"testing"
)

func TestSampleAgreesWithScan(t *testing.T) {
	var d Decoder
	var e Event
	var g Sampler
	hits, lines := 0, realLines(t)
	for _, line := range lines {
		o, us, ok := g.Sample(line)
		if what, _ := d.Line(line, &e); !ok || what != Canonical {
			continue
		}
		hits++
		if want, at := e.Object(), e.ints[StageTimestamp]; !reflect.DeepEqual(o, want) || us != at {
			t.Fatalf("sample of %s\nis %q, %d; want %q, %d", line, o, us, want, at)
		}
	}
	if hits < len(lines)*3/4 {
		t.Errorf("%d samples for %d lines, want more", hits, len(lines))
	}
}
