package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// Beyond the bound the last gap stands for all that follow: it is of no file then, which would
// have it dropped.
func TestMoreGapsThanAreListed(t *testing.T) {
	var all table
	for range maxGaps + 2 {
		all.addGap(Gap{Reason: continuity.ReasonVanished, File: "audit.log", To: time.Unix(all.LastGap, 0), Bytes: 1})
	}
	last := all.Gaps[len(all.Gaps)-1]
	if len(all.Gaps) != maxGaps || last.Bytes != 3 || last.File != "" || all.Gaps[maxGaps-2].File == "" {
		t.Errorf("%d gaps, the last is %+v", len(all.Gaps), last)
	}
}

// A gap that has a number needs its record.
func TestDropGap(t *testing.T) {
	l := open(t, durable.OS(), t.TempDir())
	must(t, l.Add(held("1")))
	for range 2 {
		must(t, l.AddGap(Gap{Reason: continuity.ReasonPruned, Bytes: -1}, "", nil))
	}
	gaps := l.Gaps()
	_, err := l.TakeGap(gaps[0].ID)
	must(t, err)
	for i, g := range gaps {
		err := l.DropGap(g.ID, "1", func(e *Entry) { e.Reason += fmt.Sprint("dropped ", i) })
		if want := []error{ErrStale, nil}[i]; !errors.Is(err, want) {
			t.Errorf("gap %d: %v, want %v", i, err, want)
		}
	}
	if left := l.Gaps(); len(left) != 1 || left[0].ID != gaps[0].ID {
		t.Errorf("left: %+v", left)
	}
	if e, _ := l.Get("1"); e.Reason != "dropped 1" {
		t.Errorf("entry %+v", e)
	}
}
