package shipper

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// rollups are the rollups of the archive, each as "key from-to files".
func (y *yard) rollups() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(y.store.objects)) {
		if !strings.HasPrefix(key, "rollups/") || !strings.Contains(key, ".json") {
			continue
		}
		var r manifest.Rollup
		if err := json.Unmarshal(y.store.objects[key], &r); err != nil {
			y.t.Fatal(err)
		}
		if y.store.objects[strings.Replace(key, ".json", ".parquet", 1)] == nil {
			y.t.Errorf("%s has no Parquet form", key)
		}
		all = append(all, fmt.Sprintf("%s %d-%d %d", strings.TrimPrefix(key, "rollups/"), r.From, r.To, r.Files))
	}
	return strings.Join(all, ", ")
}

func (y *yard) wantRollups(want string) {
	y.t.Helper()
	if got := y.rollups(); got != want {
		y.t.Errorf("rollups %q, want %q", got, want)
	}
}

// inDays runs a test on a clock that begins at a midnight of UTC.
func inDays(t *testing.T, do func(t *testing.T, y *yard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		y := newBeatingYard(t)
		y.beat = time.Hour
		y.mustStart()
		do(t, y)
	})
}

// pass makes a pass after some hours.
func (y *yard) pass(hours int) {
	y.t.Helper()
	time.Sleep(time.Duration(hours) * time.Hour)
	y.sync()
}

// A day has a rollup as soon as a later one has a record; a day without a record has
// none, and the numbers continue.
func TestRollupOfEachDay(t *testing.T) {
	inDays(t, func(_ *testing.T, y *yard) {
		y.key = signingKey(y.t, nil)
		y.mustStart()
		y.sync() // 1 heartbeat, 2 key
		y.add("0", event(22, "a"), nil)
		y.pass(5) // 3 heartbeat, 4 file
		y.wantRollups("")
		y.pass(20)
		y.wantRollups("1-2000-01-01.json 1-4 1")
		y.pass(72)
		y.wantRollups("1-2000-01-01.json 1-4 1, 1-2000-01-02.json 5-5 0")
		before := maps.Clone(y.store.objects)
		y.mustStart() // another process finds the stored ones
		y.sync()
		y.loseLedger()
		y.sync()
		for key, data := range before {
			if string(y.store.objects[key]) != string(data) {
				y.t.Errorf("%s was changed", key)
			}
		}
		y.wantRollups("1-2000-01-01.json 1-4 1, 1-2000-01-02.json 5-5 0")
		y.pass(24)
		y.wantRollups("1-2000-01-01.json 1-4 1, 1-2000-01-02.json 5-5 0, 1-2000-01-05.json 6-8 0")
		y.store.wantChain(y.t)
	})
}

// Of a rollup that is half stored the rest is stored by the next process.
func TestRollupHalfStored(t *testing.T) {
	inDays(t, func(_ *testing.T, y *yard) {
		y.sync()
		y.pass(23)
		y.pass(2)
		y.wantRollups("1-2000-01-01.json 1-2 0")
		delete(y.store.objects, "rollups/1-2000-01-01.json")
		y.mustStart()
		y.sync() // the form that is missing, and no other
		y.wantRollups("1-2000-01-01.json 1-2 0")
	})
}

// An archived rollup counts only if this node made it of its records.
func TestRollupsOfOthersDoNotCount(t *testing.T) {
	inDays(t, func(_ *testing.T, y *yard) {
		y.key = signingKey(y.t, nil)
		y.mustStart()
		y.sync()
		y.store.objects["rollups/1-2099-01-01.json"] = []byte(`{"to":1}`)
		y.store.objects["rollups/1-2098-01-01.json"] = []byte("\x00")
		y.mustStart()
		y.pass(25)
		if y.store.objects["rollups/1-2000-01-01.json"] == nil {
			y.t.Error("no rollup")
		}
	})
}

// Where the archive does not show its records, or does not take a rollup, the log says
// so once, files are archived all the same, and the rollup is made later.
func TestRollupsThatFailHoldUpNothing(t *testing.T) {
	for name, fail := range map[string]func(y *yard, on bool){
		"unlisted": func(y *yard, on bool) { y.store.unlisted = on },
		"refused": func(y *yard, on bool) {
			y.store.fail = func(key string) error {
				if on && strings.HasPrefix(key, "rollups/") {
					return errors.New("AccessDenied")
				}
				return nil
			}
		},
		"a record is gone": func(y *yard, on bool) {
			key := y.store.recordKeys(1)[0]
			if on {
				y.store.objects["hidden"] = y.store.objects[key]
				delete(y.store.objects, key)
				return
			}
			y.store.objects["manifests/1-00000001-again"] = y.store.objects["hidden"]
			delete(y.store.objects, "hidden")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inDays(t, func(t *testing.T, y *yard) {
				y.t = t
				y.sync()
				y.pass(25)
				y.wantRollups("1-2000-01-01.json 1-1 0")
				maps.DeleteFunc(y.store.objects, func(key string, _ []byte) bool { return strings.HasPrefix(key, "rollups/") })
				y.notes = nil
				fail(y, true)
				y.shipper.rollups.tree = 0 // as after the start
				for i := range 3 {
					y.add(fmt.Sprint("a", i), event(22, fmt.Sprint(i)), nil)
					y.pass(1)
				}
				said := strings.Count(strings.Join(y.notes, "\n"), "cannot be made")
				if got := y.rollups(); got != "" || said != 1 || y.state("a2") != "retired" {
					t.Errorf("rollups %q, said %d times, the file is %s", got, said, y.state("a2"))
				}
				fail(y, false)
				y.pass(1)
				y.wantRollups("1-2000-01-01.json 1-1 0")
			})
		})
	}
}

// Whatever the effect after which the power is lost, a rollup is made once: the
// same bytes are no copy.
func TestI4_RollupsSurviveCrashes(t *testing.T) {
	everyCrash(t, 1, 3, func(k int64) (crashed bool) {
		inDays(t, func(t *testing.T, y *yard) {
			y.sync()
			y.beat = time.Minute
			time.Sleep(25 * time.Hour)
			crashed = y.crash(k, durabletest.LoseAll)
			y.sync()
			time.Sleep(2 * rollupRetry)
			y.sync()
			y.wantRollups("1-2000-01-01.json 1-1 0")
			if y.store.objects["rollups/1-2000-01-01.r2.json"] != nil {
				t.Error("a copy")
			}
			y.store.wantChain(t)
		})
		return crashed
	})
}
