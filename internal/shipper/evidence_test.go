package shipper

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// seen makes an entry that of a file that was seen with this content.
func seen(text string) func(*ledger.Entry) {
	return func(e *ledger.Entry) {
		e.Seen, e.Mark = int64(len(text)), ledger.MarkOf([]byte(text[:min(len(text), ledger.MarkSize)]))
		e.Born = time.Unix(1_700_000_000, 0)
	}
}

// The ways to change a file in place: a held link has the same bytes.
func changes(text string) map[string]string {
	return map[string]string{
		"cut to nothing":       "",
		"cut in part":          text[:len(text)/2],
		"edited":               strings.Replace(text, `"auditID":"a"`, `"auditID":"x"`, 1),
		"replaced by less":     "other\n",
		"replaced by more":     strings.ReplaceAll(text, "Metadata", "Request") + text,
		"not at all":           text,
		"grown, as it may not": text + event(22, "more"),
	}
}

// Every byte seen of a finished file is archived or a gap, whether the archive is available or not.
func TestI10_FinishedFileIsCut(t *testing.T) {
	text := event(22, "a") + event(22, "b") + event(22, "c")
	for name, now := range changes(text) {
		for _, unavailable := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", away ", unavailable), func(t *testing.T) {
				y := newYard(t)
				y.mustStart()
				y.add("0", text, seen(text))
				must(t, os.WriteFile(y.heldPath("0"), []byte(now), 0o600))
				want := []string{"edited"}
				switch {
				case strings.HasPrefix(now, text):
					want = nil
				case len(now) < len(text):
					want = []string{"truncated"}
				}
				if unavailable {
					y.store.fail = func(string) error { return errors.New("away") }
					y.store.findErr = errors.New("away")
					if err := y.shipper.Sync(t.Context()); err == nil {
						t.Fatal("an archive that is away took it")
					}
					if now != "" && !slices.Equal(y.gaps, want) {
						t.Errorf("gaps %q before the archive is back, want %q", y.gaps, want)
					}
					y.store.fail, y.store.findErr = nil, nil
					y.mustStart()
				}
				y.sync()
				y.sync()
				if !slices.Equal(y.gaps, want) {
					t.Errorf("gaps %q, want %q", y.gaps, want)
				}
				if got := y.store.restored(t); len(got) != 1 || got[0] != now {
					t.Errorf("the archive holds %q", got)
				}
				if y.state("0") != ledger.Retired {
					t.Errorf("it is %s", y.state("0"))
				}
				for _, r := range y.store.records(t) {
					for _, g := range r.Gaps {
						if g.From.After(g.To.Time) || g.Reason == continuity.ReasonTruncated && g.Bytes != int64(len(text)-len(now)) && name != "replaced by less" {
							t.Errorf("gap %+v", g)
						}
					}
				}
				y.store.wantChain(t)
			})
		}
	}
}

// A file that waits for the archive is hashed: a change anywhere in it is a gap, and so is one that
// was cut and then written again to more than it had.
func TestI10_WaitingFileIsEdited(t *testing.T) {
	text := strings.Repeat(event(22, "a"), 20)
	for name, now := range map[string]string{
		"a byte in its middle": text[:len(text)/2] + "#" + text[len(text)/2+1:],
		"cut and regrown":      text[:len(text)/2] + strings.Repeat(event(22, "z"), 20),
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", restart ", restart), func(t *testing.T) {
				y := newYard(t)
				y.mustStart()
				y.add("0", text, seen(text))
				y.store.fail = func(string) error { return errors.New("away") }
				y.store.findErr = errors.New("away")
				for range 2 {
					if err := y.shipper.Sync(t.Context()); err == nil {
						t.Fatal("an archive that is unavailable took it")
					}
				}
				must(t, os.WriteFile(y.heldPath("0"), []byte(now), 0o600))
				y.store.fail, y.store.findErr = nil, nil
				if restart {
					y.mustStart()
				}
				y.sync()
				y.sync()
				if !slices.Equal(y.gaps, []string{"edited"}) || y.state("0") != ledger.Retired {
					t.Errorf("gaps %q, state %s", y.gaps, y.state("0"))
				}
				y.store.wantChain(t)
			})
		}
	}
}

// kube-apiserver makes no empty backup. One that an earlier epoch has archived was emptied later.
func TestI10_EmptyBackup(t *testing.T) {
	var packed bytes.Buffer
	must(t, gzip.NewWriter(&packed).Close())
	for name, test := range map[string]struct {
		text string
		edit func(*ledger.Entry)
		gaps int
	}{
		"plain":    {"", nil, 1},
		"unnamed":  {"", func(e *ledger.Entry) { e.Unnamed = true }, 0},
		"reported": {"", func(e *ledger.Entry) { e.Cuts = 1 }, 0},
		"gzip":     {packed.String(), func(e *ledger.Entry) { e.Gzip = true }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.mustStart()
			y.add("0", test.text, test.edit)
			y.sync()
			y.sync()
			if len(y.gaps) != test.gaps || test.gaps > 0 && y.gaps[0] != "truncated" {
				t.Errorf("gaps %q, want %d", y.gaps, test.gaps)
			}
		})
	}
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.sync()
	must(t, os.Remove(y.dir+"/ledger.json"))
	y.mustStart()
	y.add("0", "", nil)
	y.sync()
	if len(y.gaps) > 0 {
		t.Errorf("archived, then emptied: gaps %q", y.gaps)
	}
}

// midway changes a file after k effects on the disk, while a pass continues, or if it crashes there.
func (y *yard) midway(k int64, crash bool, change func()) (reached bool) {
	y.t.Helper()
	if crash {
		crashed := y.crash(k, durabletest.LoseAll)
		change()
		return crashed
	}
	n := int64(0)
	y.fs = durable.OS().WithHook(func(_ durable.Effect, apply func() error) error {
		err := apply()
		if n++; n == k+1 {
			change()
			reached = true
		}
		return err
	})
	y.mustStart()
	_ = y.shipper.Sync(y.t.Context()) // a file that changes under the conversion ends the pass
	y.fs = durable.OS()
	y.mustStart()
	return reached
}

// TestI10_CutAtEveryStep changes a finished file after every single effect on the disk, and ends the
// process there or not. Every byte that was seen is in the archive or in a gap, and there is no gap
// where all are.
func TestI10_CutAtEveryStep(t *testing.T) {
	text := event(21, "a") + event(22, "b")
	for name, now := range changes(text) {
		if strings.HasPrefix(now, text) {
			continue // this is no loss; see grown
		}
		for _, crash := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", crash ", crash), func(t *testing.T) {
				t.Parallel()
				kept, lost := 0, 0
				everyCrash(t, 1, 15, func(k int64) bool {
					y := newYard(t)
					y.mustStart()
					y.add("0", text, seen(text))
					must(t, y.ledger.Reconciled(nil))
					reached := y.midway(k, crash, func() { must(t, os.WriteFile(y.heldPath("0"), []byte(now), 0o600)) })
					y.sync()
					y.sync()
					y.store.wantChain(t)
					got := y.store.restored(t)
					gaps := y.recordedGaps()
					switch {
					case len(got) != 1:
						t.Fatalf("after %d effects: the archive holds %q", k, got)
					case got[0] == text && len(gaps) == 0:
						kept++
					case got[0] != text && len(gaps) == 1:
						lost++
					default:
						t.Fatalf("after %d effects: the archive holds %s, gaps %q", k, brief(got[0]), gaps)
					}
					if y.state("0") != ledger.Retired && !(len(now) > len(text) && y.state("0") == ledger.Quarantined) {
						t.Fatalf("after %d effects: it is %s", k, y.state("0"))
					}
					return reached
				})
				if kept == 0 || lost == 0 {
					t.Errorf("archived before the cut: %d, after it: %d", kept, lost)
				}
			})
		}
	}
}

// recordedGaps are the gaps that the archive has; NULs and files that grew are others.
func (y *yard) recordedGaps() (reasons []string) {
	for _, r := range y.store.records(y.t) {
		for _, g := range r.Gaps {
			if g.Reason == continuity.ReasonTruncated || g.Reason == continuity.ReasonEdited {
				reasons = append(reasons, string(g.Reason))
			}
		}
	}
	return reasons
}

// TestI10_CutIncrementsAtEveryStep changes a growing file after every effect on the disk. The bytes
// of its increments stay reachable: no finished file with as many bytes supersedes it and lacks it.
func TestI10_CutIncrementsAtEveryStep(t *testing.T) {
	first, second, third := event(21, "a"), event(22, "b"), event(22, "c")
	for name, now := range changes(first + second) {
		if strings.HasPrefix(now, first+second) {
			continue
		}
		for _, crash := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", crash ", crash), func(t *testing.T) {
				t.Parallel()
				everyCrash(t, 1, 10, func(k int64) bool {
					y := newOpenYard(t, time.Nanosecond)
					y.add("0", first, asOpen)
					y.sync()
					y.grow("0", second)
					changed := false
					reached := y.midway(k, crash, func() {
						changed = true
						must(t, os.WriteFile(y.heldPath("0"), []byte(now), 0o600))
					})
					y.grow("0", third)
					y.sync()
					y.finish("0")
					y.sync()
					y.sync()
					y.wantReachable(k, first)
					if lost := !strings.HasPrefix(y.content("0"), first); changed && lost && len(y.recordedGaps()) == 0 {
						t.Fatalf("after %d effects: the archive holds %q and no gap", k, y.store.restored(t))
					}
					y.store.wantChain(t)
					return reached
				})
			})
		}
	}
}

// wantReachable checks that readers get a line: from a finished file, or from increments that none
// supersedes.
func (y *yard) wantReachable(k int64, line string) {
	y.t.Helper()
	for _, text := range y.store.restored(y.t) {
		if strings.Contains(text, line) {
			return
		}
	}
	for seq := int64(1); seq < 5; seq++ {
		part, size := y.store.partial(y.t, seq), int64(-1)
		for _, r := range y.store.records(y.t) {
			if r.Kind == manifest.KindFile && r.Seq == seq {
				size = r.Source.Size
			}
		}
		if strings.Contains(part, line) && int64(len(part)) > size {
			return
		}
	}
	y.t.Fatalf("after %d effects: %s is in no file and in no increment that counts", k, brief(line))
}
