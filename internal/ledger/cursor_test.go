package ledger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
)

func TestCursor(t *testing.T) {
	dir := t.TempDir()
	file := NewCursorFile(durable.OS(), dir)
	if c, aside, err := file.Load(noon); c != (Cursor{}) || aside != "" || err != nil {
		t.Errorf("without a file: %+v, %q, %v", c, aside, err)
	}
	for _, want := range []Cursor{
		{Segment: "000000000001-7"},
		{Segment: "000000000001-7", Offset: 1 << 40, Line: 12, Timestamp: noon},
	} {
		must(t, file.Store(want))
		got, aside, err := NewCursorFile(durable.OS(), dir).Load(noon)
		if got != want || aside != "" || err != nil {
			t.Errorf("stored %+v, loaded %+v, %q, %v", want, got, aside, err)
		}
	}
}

// A cursor that Load would set aside is not stored.
func TestCursorThatIsNone(t *testing.T) {
	dir := t.TempDir()
	file := NewCursorFile(durable.OS(), dir)
	want := Cursor{Segment: "1", Offset: 5}
	must(t, file.Store(want))
	for _, c := range []Cursor{{}, {Offset: 7}, {Segment: "1", Offset: -1}, {Segment: "1", Line: -1}} {
		if err := file.Store(c); err == nil {
			t.Errorf("stored %+v", c)
		}
	}
	if got, aside, err := file.Load(noon); got != want || aside != "" || err != nil {
		t.Errorf("%+v, %q, %v", got, aside, err)
	}
}

func TestCursorSetAside(t *testing.T) {
	for name, content := range map[string]string{
		"empty":           "",
		"NUL bytes":       strings.Repeat("\x00", 64),
		"torn":            `{"segment":"1","off`,
		"twice":           `{"segment":"1"}{"segment":"2"}`,
		"null":            "null",
		"no segment":      `{"offset":5}`,
		"negative offset": `{"segment":"1","offset":-5}`,
		"negative line":   `{"segment":"1","line":-5}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, CursorName, content)
			file := NewCursorFile(durable.OS(), dir)
			c, aside, err := file.Load(noon)
			must(t, err)
			if c != (Cursor{}) || filepath.Dir(aside) != dir || readFile(t, aside) != content {
				t.Errorf("loaded %+v, set aside as %q", c, aside)
			}
			if c, aside, err := file.Load(noon); c != (Cursor{}) || aside != "" || err != nil {
				t.Errorf("a second time: %+v, %q, %v", c, aside, err)
			}
		})
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, CursorName), 0o700))
	if _, aside, err := NewCursorFile(durable.OS(), dir).Load(noon); err == nil || aside != "" {
		t.Errorf("a cursor that is a directory: set aside as %q, %v", aside, err)
	}
}

// I6 rests on this: after a crash the cursor is the old one or the new one.
func TestI6_CursorCrash(t *testing.T) {
	before, after := Cursor{Segment: "1", Offset: 5}, Cursor{Segment: "2", Offset: 1}
	for k, done := int64(0), false; !done; k++ {
		dir := t.TempDir()
		must(t, NewCursorFile(durable.OS(), dir).Store(before))
		power := durabletest.NewPowerLoss(k, t.TempDir())
		done = NewCursorFile(durable.OS().WithHook(power.Hook), dir).Store(after) == nil
		must(t, power.Crash(durabletest.LoseAll))
		got, aside, err := NewCursorFile(durable.OS(), dir).Load(noon)
		if err != nil || aside != "" || got != after && (done || got != before) {
			t.Errorf("after %d effects: %+v, %q, %v", k, got, aside, err)
		}
	}
}
