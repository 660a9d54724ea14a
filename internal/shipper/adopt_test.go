package shipper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// TestI5_UpgradeBetweenPutAndLedger has another version of the converter meet
// the objects of the one before.
func TestI5_UpgradeBetweenPutAndLedger(t *testing.T) {
	text := event(21, "a") + event(22, "b")
	y := newYard(t)
	y.mustStart()
	y.add("0", text, nil)
	y.store.lose = true
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	y.store.lose = false
	if err := os.RemoveAll(filepath.Join(y.dir, DirName)); err != nil { // the work is lost as well
		t.Fatal(err)
	}
	before := len(y.store.objects)
	y.mustStart()
	y.shipper.cfg.Version = "another version"
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if y.state("0") != ledger.Retired || before != 1 || len(y.store.objects) != 3 {
		t.Errorf("state %s, %d objects, %d before", y.state("0"), len(y.store.objects), before)
	}
	if got := y.store.restored(t); len(got) != 1 || got[0] != text {
		t.Errorf("restored %q", got)
	}
	for _, o := range y.store.records(t)[0].Objects {
		if int64(len(y.store.objects[o.Key])) != o.Size {
			t.Errorf("the record says %d bytes for %s, the archive has %d", o.Size, o.Key, len(y.store.objects[o.Key]))
		}
	}
}

func TestI5_AForeignObjectIsNeverAdopted(t *testing.T) {
	other := newYard(t)
	other.mustStart()
	other.add("0", event(22, "other"), nil)
	if err := other.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	for key, data := range other.store.objects {
		if filepath.Dir(key) != "manifests" {
			y.store.objects[strings.Replace(key, other.ledger.Chain().Epoch, y.ledger.Chain().Epoch, 1)] = data
		}
	}
	y.sync()
	y.wantCopies(1, event(22, "a"))
}
