package ledger

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// An epoch continues the tree of the one before where the log is the same and the
// archive does not know better; each says why it began.
func TestEpochsContinueTheTree(t *testing.T) {
	head := Head{Tree: 2, Number: 7, Root: "aa", Epoch: "e", Seq: 3, Time: noon}
	lost := Gap{Reason: continuity.ReasonStateLost, Bytes: -1, Detail: "why"}
	for name, c := range map[string]struct {
		again func(l *Ledger, dir string) (*Ledger, error)
		want  Begins
		head  Head
	}{
		"another machine": {func(_ *Ledger, dir string) (*Ledger, error) { return openAs(dir, "m2/c/n") }, Begins{Reason: BeginOwner}, head},
		"another node":    {func(_ *Ledger, dir string) (*Ledger, error) { return openAs(dir, "m/c/n2") }, Begins{Reason: BeginOwner}, Head{}},
		"another cluster": {func(_ *Ledger, dir string) (*Ledger, error) { return openAs(dir, "m/c2/n") }, Begins{Reason: BeginOwner}, Head{}},
		"redacted":        {func(_ *Ledger, dir string) (*Ledger, error) { return openAs(dir, "m/c/n/hash/key") }, Begins{Reason: BeginOwner}, head},
		"lost": {func(l *Ledger, _ string) (*Ledger, error) {
			return l, l.NewEpoch(noon, BeginStateLost, lost)
		}, Begins{Reason: BeginStateLost, Detail: "why"}, head},
		"put back": {func(l *Ledger, _ string) (*Ledger, error) {
			return l, l.NewEpoch(noon, BeginRolledBack, lost)
		}, Begins{Reason: BeginRolledBack, Detail: "why"}, Head{Tree: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := audittest.FastDir(t)
			l, err := openAs(dir, "m/c/n")
			must(t, err)
			if c := l.Chain(); c.Joined || c.Begins != (Begins{Reason: BeginNew}) {
				t.Errorf("a new ledger: %+v", c)
			}
			must(t, l.Join(head, "vkey", Begins{Reason: BeginStateLost}))
			if got := l.Chain().Begins.Reason; got != BeginStateLost {
				t.Errorf("a new state directory, and the archive has records: %s", got)
			}
			if l, err = openAs(dir, "m/c/n"); err != nil || !l.Chain().Joined || l.Chain().Head != head || l.Chain().Key != "vkey" {
				t.Fatalf("opened again: %+v, %v", l.Chain(), err)
			}
			l, err = c.again(l, dir)
			must(t, err)
			got := l.Chain()
			if got.Joined || got.Begins != c.want || got.Head != c.head || (got.Key == "vkey") != (c.head == head) {
				t.Errorf("the next epoch: %+v", got)
			}
			must(t, l.Join(Head{Tree: 3}, "", Begins{Reason: got.Begins.Reason, Detail: "the tree is lost"}))
			if got := l.Chain(); !got.Joined || got.Begins.Detail != "the tree is lost" || got.Head != (Head{Tree: 3}) {
				t.Errorf("another tree: %+v", got)
			}
		})
	}
}

func openAs(dir, owner string) (*Ledger, error) {
	l, _, err := Open(durable.OS(), dir, owner, noon.Add(time.Second))
	return l, err
}
