package hold

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
)

// writeLater writes to audit.log as if the files before it had been quiet for
// longer than continuity.SettleTime.
func (h *fixture) writeLater(text string) {
	h.t.Helper()
	h.write(text)
	h.wrote(h.log.Path(), -2*continuity.SettleTime)
}

// replacements are the ways in which audit.log gets another inode, with bytes,
// while kube-apiserver still has the old one open.
var replacements = map[string]func(h *fixture){
	"sed -i":                          func(h *fixture) { h.renameOver(0) },
	"cp, edited for an hour, mv back": func(h *fixture) { h.renameOver(time.Hour) },
	"mv away, create with content": func(h *fixture) {
		h.rename(h.log.Path(), filepath.Join(h.log.Dir, "audit.log~"))
		h.write("copy\n")
	},
	"rm, create with content": func(h *fixture) {
		h.remove(h.log.Path())
		h.write("copy\n")
	},
	"rm, create, held before the content is complete": func(h *fixture) {
		h.remove(h.log.Path())
		h.write("")
		h.sync()
		h.write("co")
		h.sync()
		h.write("py\n")
	},
	"sed -i twice, an hour apart": func(h *fixture) {
		h.wrote(h.log.Path(), 2*time.Hour)
		h.renameOver(time.Hour)
		h.sync()
		h.renameOver(0)
		h.sync()
	},
}

// renameOver gives the name audit.log to a copy that was written some time ago.
func (h *fixture) renameOver(ago time.Duration) {
	h.t.Helper()
	temporary := filepath.Join(h.log.Dir, "sedAbCdEf")
	if err := os.WriteFile(temporary, []byte("copy\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.wrote(temporary, ago)
	h.rename(temporary, h.log.Path())
}

func (h *fixture) rename(from, to string) {
	h.t.Helper()
	if err := os.Rename(from, to); err != nil {
		h.t.Fatal(err)
	}
}

// TestI1_TheReplacedFileStaysHeld replaces audit.log under kube-apiserver. All that
// it writes to the old file afterwards is held, until it rotates.
func TestI1_TheReplacedFileStaysHeld(t *testing.T) {
	for name, replace := range replacements {
		for next, after := range map[string]time.Duration{
			"soon": time.Second, "late": time.Hour, "never": 0,
		} {
			for _, restart := range []bool{false, true} {
				t.Run(name+"/written "+next+map[bool]string{true: "/restart"}[restart], func(t *testing.T) {
					h := newFixture(t)
					h.write("one\n")
					h.mustStart()
					h.sync()
					h.replaceAndWrite(replace, after, restart)
				})
			}
		}
	}
}

func (h *fixture) replaceAndWrite(replace func(h *fixture), after time.Duration, restart bool) {
	h.t.Helper()
	writer, err := os.OpenFile(h.log.Path(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	defer writer.Close()
	replace(h)
	if restart {
		h.mustStart()
	}
	h.sync()
	h.sync()
	h.wantGaps()
	old := h.ledger.Entries()[0]
	if old.Finished {
		h.t.Error("finished while its writer may go on in it")
	}

	want, gaps := "one\n", []string(nil)
	if after > 0 {
		if _, err := writer.WriteString("two\n"); err != nil {
			h.t.Fatal(err)
		}
		h.wrote(h.hold.Path(old.ID), -after)
		want, gaps = "one\ntwo\n", []string{"replaced audit.log"}
	}
	h.sync()
	h.wantGaps(gaps...)
	if on := testutil.ToFloat64(h.hold.metrics.orphan); int(on) != len(gaps) {
		h.t.Errorf("writer_on_deleted_file %v with the gaps %v", on, gaps)
	}
	if h.ledger.Entries()[0].Finished || h.held()[0] != want {
		h.t.Errorf("held %q, entries %+v", h.held(), h.ledger.Entries())
	}

	h.rotate() // kube-apiserver does it by name, and continues in a new file
	h.sync()
	h.sync()
	h.wantGaps(gaps...)
	if e := h.ledger.Entries(); !e[0].Finished || h.held()[0] != want {
		h.t.Errorf("held %q, entries %+v after the rotation", h.held(), e)
	}
}
