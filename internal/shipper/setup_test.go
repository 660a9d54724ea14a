package shipper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// setups are the recorded settings, each as "number policy version".
func (y *yard) setups() string {
	var all []string
	for _, r := range y.store.records(y.t) {
		if r.Setup != nil {
			all = append(all, fmt.Sprint(r.Number, " ", r.Setup.Policy.Text, " ", r.Setup.Server))
		}
	}
	return strings.Join(all, ", ")
}

func (y *yard) wantSetups(want string) {
	y.t.Helper()
	if got := y.setups(); got != want {
		y.t.Errorf("settings %q, want %q", got, want)
	}
	y.store.wantChain(y.t)
}

// The settings are the first record of an epoch, before which there is only the key's,
// and recorded again at the start or the heartbeat that finds them changed.
func TestSettingsInTheTree(t *testing.T) {
	y := newBeatingYard(t)
	y.beat, y.key = 0, signingKey(t, nil)
	policy, version, failing := "one", "v1.36.0", error(nil)
	y.setup = func() manifest.Setup {
		return manifest.Setup{Sidecar: "v1", Policy: manifest.NewDocument([]byte(policy))}
	}
	y.ask = func(context.Context) (Counters, error) { return Counters{Version: version}, failing }
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.sync()
	y.wantSetups("2 one v1.36.0")
	policy = "two" // nothing looks before the next heartbeat or start
	y.sync()
	y.wantSetups("2 one v1.36.0")
	y.mustStart()
	y.sync()
	y.wantSetups("2 one v1.36.0, 4 two v1.36.0")

	y.beat = 1 // a heartbeat at every pass
	failing = errors.New("refused")
	y.mustStart()
	y.sync() // a server that does not answer is no change
	y.wantSetups("2 one v1.36.0, 4 two v1.36.0")
	failing, version = nil, "v1.36.1"
	y.sync()
	y.sync()
	y.wantSetups("2 one v1.36.0, 4 two v1.36.0, 7 two v1.36.1")
	policy = "three"
	y.sync()
	y.wantSetups("2 one v1.36.0, 4 two v1.36.0, 7 two v1.36.1, 10 three v1.36.1")

	y.beat = 0
	y.loseLedger()
	y.sync()
	if got := y.setups(); !strings.HasSuffix(got, " three v1.36.1, 11 three v1.36.1") {
		t.Errorf("in the next epoch: %q", got)
	}
}

// Whatever the effect after which the power is lost, the settings are recorded once.
func TestI4_SettingsSurviveCrashes(t *testing.T) {
	t.Parallel()
	everyCrash(t, 1, 5, func(k int64) bool {
		y := newBeatingYard(t)
		y.beat = 0
		y.setup = func() manifest.Setup { return manifest.Setup{Policy: manifest.NewDocument([]byte("p"))} }
		y.mustStart()
		y.add("0", event(22, "a"), nil)
		crashed := y.crash(k, durabletest.LoseAll)
		y.sync()
		y.wantSetups("1 p ")
		return crashed
	})
}
