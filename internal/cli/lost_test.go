package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
)

// site is an audit directory and its archive, for run --once.
type site struct {
	t   *testing.T
	dir string
}

func (s site) ledger() string { return filepath.Join(s.dir, "audit", ".auditsidecar", "ledger.json") }

// rotated writes a backup of one line and returns the line.
func (s site) rotated(hour int) string {
	line := catalogtest.Line(fmt.Sprint(hour), "22")
	put(s.t, filepath.Join(s.dir, "audit", fmt.Sprintf("audit-2026-11-22T%02d-00-00.000.log", hour)), []byte(line))
	return line
}

// wantArchived runs once, and wants verify to report that many gaps state_lost and
// nothing else, and restore to give these lines.
func (s site) wantArchived(gaps int, lines ...string) {
	s.t.Helper()
	if r := call(s.t, runOnce(s.dir)...); r.code != exitDone {
		s.t.Fatalf("run --once: exit code %d\n%s", r.code, r.stderr)
	}
	location := filepath.Join(s.dir, "archive")
	got, size := ok(s.t, "restore", location).stdout, 0
	for _, line := range lines { // epochs of one second are in any order
		if size += len(line); strings.Count(got, line) < 1 {
			s.t.Errorf("restored\n%s, without\n%s", got, line)
		}
	}
	if len(got) != size {
		s.t.Errorf("restored %d bytes, want %d:\n%s", len(got), size, got)
	}
	out := ok(s.t, "verify", location, "--deep").stdout // which has nothing but gaps
	if got := strings.Count(out, "recorded gap: state_lost"); got != gaps {
		s.t.Errorf("verify reports %d gaps, want %d:\n%s", got, gaps, out)
	}
}

// State that is lost in whichever way is a gap, together with a file that was cut
// meanwhile: its content is no longer known.
func TestI10_LostStateIsAGap(t *testing.T) {
	for name, lose := range map[string]func(s site) error{
		"ledger garbled":   func(s site) error { return os.WriteFile(s.ledger(), []byte("\x00\x00"), 0o600) },
		"ledger emptied":   func(s site) error { return os.Truncate(s.ledger(), 0) },
		"ledger removed":   func(s site) error { return os.Remove(s.ledger()) },
		"directory gone":   func(s site) error { return os.RemoveAll(filepath.Dir(s.ledger())) },
		"links only":       func(s site) error { return os.RemoveAll(filepath.Join(filepath.Dir(s.ledger()), "held")) },
		"nothing was lost": func(site) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := site{t, t.TempDir()}
			one := s.rotated(12)
			s.wantArchived(0, one)
			s.rotated(13)
			must(t, os.Truncate(filepath.Join(s.dir, "audit", "audit-2026-11-22T13-00-00.000.log"), 9))
			must(t, lose(s))
			want := 1
			if name == "nothing was lost" || name == "links only" {
				want = 0 // the second file was never seen as it was
			}
			s.wantArchived(want, one, catalogtest.Line("13", "22")[:9])
		})
	}
}

// An older ledger that is put back is a gap, and the archive stays readable.
func TestI10_LedgerPutBack(t *testing.T) {
	s := site{t, t.TempDir()}
	one := s.rotated(12)
	s.wantArchived(0, one)
	old := audittest.ReadFile(t, s.ledger())
	two, three := s.rotated(13), s.rotated(14)
	s.wantArchived(0, one, two, three)
	must(t, os.WriteFile(s.ledger(), old, 0o600))
	must(t, os.Remove(filepath.Join(s.dir, "audit", "audit-2026-11-22T13-00-00.000.log")))
	four := s.rotated(15)
	s.wantArchived(1, one, two, three, four)
	five := s.rotated(16)
	s.wantArchived(1, one, two, three, four, five)
}
