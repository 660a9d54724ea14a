package parquet

import (
	"reflect"
	"testing"
)

func TestGlanceAgreesWithScan(t *testing.T) {
	var d decoder
	var e event
	var g glancer
	hits := 0
	for _, line := range realLines(t) {
		o, us, ok := g.glance(line, line, false)
		if what, _ := d.line(line, &e); !ok || what != canonical {
			continue
		}
		hits++
		if want, at := e.object(), e.ints[colStaged]; !reflect.DeepEqual(o, want) || us != at {
			t.Fatalf("glance of %s\nis %q, %d; want %q, %d", line, o, us, want, at)
		}
	}
	if hits < 1000 {
		t.Errorf("%d glances, want at least 1000", hits)
	}
}
