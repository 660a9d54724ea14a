package shipper

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// join has the chain continue the node's tree, at the beginning of an epoch or when
// the leaves on this disk are damaged. Nothing is sealed before. Where neither the disk
// nor the archive has the tree, another one begins, and says why.
func (s *sealer) join(ctx context.Context) error {
	if s.cfg.Chain.Joined() {
		return nil
	}
	at := s.cfg.Ledger.Chain()
	if err := s.setLeavesAside(at); err != nil {
		return err
	}
	key, err := s.joinTree(ctx, at)
	if errors.Is(err, manifest.ErrNotContinued) && at.Joined {
		return s.newEpoch(ledger.BeginStateLost, "the leaves of the tree are damaged: "+err.Error())
	}
	if err != nil {
		return err
	}
	head := headOf(s.cfg.Chain.StoredHead())
	begins := s.cfg.Chain.Begins()
	if err := s.cfg.Ledger.Join(head, key, ledger.Begins{Reason: ledger.BeginReason(begins.Reason), Detail: begins.Detail}); err != nil {
		return err
	}
	s.showHead(head)
	return nil
}

// setLeavesAside keeps damaged leaves for an operator to look at.
func (s *sealer) setLeavesAside(at ledger.Chain) error {
	n, err := s.cfg.Chain.Leaves(TreeHead(at.Head))
	path := filepath.Join(s.cfg.StateDir, manifest.LeavesName)
	if err != nil || n > 0 || at.Head.Number == 0 || !durable.Exists(path) {
		return err
	}
	aside, err := s.cfg.FS.SetAside(path, time.Now())
	if err != nil {
		return fmt.Errorf("set the leaves aside: %w", err)
	}
	s.cfg.Events.File("the leaves of the tree are damaged; they are made again from the archive", ledger.Entry{Name: aside, Reason: "they are not those of the head in the ledger"})
	return nil
}

// joinTree returns the key in force.
func (s *sealer) joinTree(ctx context.Context, at ledger.Chain) (key string, err error) {
	tree, err := s.cfg.Store.Tree(ctx)
	unlisted := errors.Is(err, ErrUnlisted)
	if err != nil && !unlisted {
		return "", fmt.Errorf("ask the archive for the tree of this node: %w", err)
	}
	number := max(tree, at.Head.Tree)
	if at.Joined {
		number = at.Head.Tree
	}
	switch {
	case number == 0 && (at.First || !unlisted):
		return "", s.cfg.Chain.Begin(1, "")
	case unlisted && at.Head.Number == 0:
		err = fmt.Errorf("%w: the leaves on this disk are lost or not proven: %w", manifest.ErrNotContinued, err)
	default:
		key, err = s.continueTree(ctx, number, at, unlisted)
	}
	if errors.Is(err, manifest.ErrNotContinued) && !at.Joined {
		why := err.Error()
		s.cfg.Events.File("ALARM: another tree of records begins: verify reports it until --accept names it", ledger.Entry{Name: fmt.Sprint(max(number, 1) + 1), Reason: why})
		return "", s.cfg.Chain.Begin(max(number, 1)+1, why)
	}
	return key, err
}

// continueTree joins a tree of the archive and returns the key in force. The leaves on
// this disk are proven by the head in the ledger or by the record of the last of them;
// where neither does, all of the tree is read from the archive.
func (s *sealer) continueTree(ctx context.Context, number int, at ledger.Chain, unlisted bool) (string, error) {
	var head manifest.Head
	if at.Head.Tree == number {
		head = TreeHead(at.Head)
	}
	leaves, err := s.cfg.Chain.Leaves(head)
	if err != nil {
		return "", err
	}
	join := func(leaves int64) (*manifest.Trust, error) {
		trust := s.trust(head, leaves, at)
		records := s.cfg.Store.Records(ctx, number, max(leaves, 1))
		if unlisted {
			records = func(func(manifest.Stored, error) bool) {}
		}
		return trust, s.cfg.Chain.Join(number, head, leaves, trust, records)
	}
	trust, err := join(leaves)
	if errors.Is(err, manifest.ErrNotContinued) && leaves > 0 && head.Number == 0 {
		trust, err = join(0)
	}
	if err != nil || trust == nil {
		return at.Key, err
	}
	if current := trust.Current; head.Number == 0 && current != "" && !s.cfg.Key.Is(current) {
		err = fmt.Errorf("%w: it is signed by %s, which this node does not know", manifest.ErrNotContinued, current)
	}
	return trust.Current, err
}

// trust says which signatures count for records of the archive; nil without a key of
// this node.
func (s *sealer) trust(head manifest.Head, leaves int64, at ledger.Chain) *manifest.Trust {
	switch key := s.cfg.Key; {
	case key == nil:
		return nil
	case head.Number > 0 && leaves > 0:
		return &manifest.Trust{Current: at.Key}
	case leaves > 0:
		return &manifest.Trust{Given: key.Signers()}
	}
	return &manifest.Trust{}
}

func headOf(h manifest.Head) ledger.Head {
	return ledger.Head{Tree: h.Tree, Number: h.Number, Root: h.Root, Epoch: h.Epoch, Seq: h.Seq, Time: h.Time.Time}
}

// TreeHead is the head in the ledger as the chain takes it.
func TreeHead(h ledger.Head) manifest.Head {
	return manifest.Head{Tree: h.Tree, Number: h.Number, Root: h.Root, Epoch: h.Epoch, Seq: h.Seq, Time: manifest.Stamp{Time: h.Time}}
}
