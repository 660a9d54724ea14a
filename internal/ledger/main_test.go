package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests take place.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var must = audittest.Must

// open opens the ledger of a directory, which must not have to be set aside.
func open(t testing.TB, fsys durable.FS, dir string) *Ledger {
	t.Helper()
	l, aside, err := Open(fsys, dir, "machine-a", noon)
	must(t, err)
	if aside != "" {
		t.Fatalf("the ledger was set aside as %s", aside)
	}
	return l
}

// held is an entry as the linking loop adds it.
func held(id string) Entry {
	return Entry{ID: id, Name: "audit-" + id + ".log", Inode: 7, Finished: true, Rotated: noon, State: Held, Loki: true}
}

// text is entries as they are on disk, for comparing and printing.
func text(t testing.TB, entries []Entry) string {
	t.Helper()
	data, err := json.Marshal(entries)
	must(t, err)
	return string(data)
}

// get returns an entry that must be there.
func get(t testing.TB, l *Ledger, id string) Entry {
	t.Helper()
	e, ok := l.Get(id)
	if !ok {
		t.Fatalf("no entry %s", id)
	}
	return e
}

func ids(l *Ledger) (all []string) {
	for _, e := range l.Entries() {
		all = append(all, e.ID)
	}
	return all
}

func writeFile(t testing.TB, dir, name, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}
