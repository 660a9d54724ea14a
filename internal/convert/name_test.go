package convert

import (
	"testing"
	"time"
)

func TestRotationTime(t *testing.T) {
	want := time.Date(2026, 11, 22, 17, 0, 27, 978e6, time.UTC)
	for name, found := range map[string]bool{
		"audit-2026-11-22T17-00-27.978.log": true, "audit-2026-11-22T17-00-27.978": true, "-2026-11-22T17-00-27.978": false, "kube-audit-2026-11-22T17-00-27.978.json": true, "a.b-2026-11-22T17-00-27.978": false,
		"audit.log": false, "-2026-11-22T17-00-27.978.log": false, "audit-2026-13-22T17-00-27.978.log": false, "": false, ".log": false,
	} {
		got, ok := rotationTime(name)
		if ok != found || ok && !got.Equal(want) {
			t.Errorf("%q: %v, %v", name, got, ok)
		}
	}
}
