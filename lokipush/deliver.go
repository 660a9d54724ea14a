package lokipush

import (
	"cmp"
	"context"
	"slices"
)

// Deliver pushes the batch until every entry is accepted or refused for good, and returns the
// refused ones by ascending index. It waits as long as Loki is unavailable. Only when ctx is done
// (or for PusherConfig.FailOnStop) does it return an error; then the entries must count as not
// accepted (some may be: sending them again is harmless, Loki hides an entry that it already has).
//
// An entry that is refused alone in unknown words (a gateway's, a wrong setting's, a future Loki's)
// is dropped only if Loki accepts other entries of this batch, before and after it refuses the entry
// again. Otherwise the answer counts as Stop: it is reported, and nothing is dropped.
func (p *Pusher) Deliver(ctx context.Context, b Payload) ([]Refusal, error) {
	answer, err := p.settle(ctx, b, false)
	if err != nil || answer == nil {
		return nil, err
	}
	whole, err := b.unpacked()
	if err != nil {
		return nil, err
	}
	all := piece{batch: whole, indices: make([]int, whole.Len())}
	for i := range all.indices {
		all.indices[i] = i
	}
	d := delivery{pusher: p}
	if err = d.divide(ctx, all, answer); err == nil {
		err = d.resolve(ctx)
	}
	slices.SortFunc(d.refused, func(a, b Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return d.refused, err
}

// delivery finds the entries of one batch that are refused.
type delivery struct {
	pusher   *Pusher
	refused  []Refusal
	suspects []suspect
	accepted *Batch // the smallest piece that was accepted; nil: none
	limit    int    // bytes that Loki says a push may have; 0: unknown
}

// piece is a part of the delivered batch.
type piece struct {
	batch   *Batch
	indices []int // of its entries in the whole
}

// deliver pushes a piece and divides it if Loki does not accept it as it is.
func (d *delivery) deliver(ctx context.Context, p piece) error {
	if p.batch.Len() == 0 {
		return nil
	}
	if d.limit > 0 && p.batch.Bytes() > d.limit && p.batch.Len() > 1 {
		return d.halve(ctx, p)
	}
	answer, err := d.pusher.settle(ctx, p.batch, d.stuck())
	if err != nil {
		return err
	}
	if answer != nil {
		return d.divide(ctx, p, answer)
	}
	d.accept(p.batch)
	return nil
}

func (d *delivery) accept(b *Batch) {
	if d.accepted == nil || b.Len() < d.accepted.Len() {
		d.accepted = b
	}
}

// divide settles a piece that got this answer: without the entries that are too old, in halves, or,
// where it is one entry, as refused.
func (d *delivery) divide(ctx context.Context, p piece, answer *StatusError) error {
	if p.batch.Len() == 1 {
		if answer.unexplained() {
			return d.suspect(ctx, p, answer)
		}
		d.refuse(p.indices[0], answer)
		return nil
	}
	if kept, indices := p.batch.since(answer.Oldest); kept != p.batch {
		return d.deliver(ctx, d.withoutOlder(p, answer, kept, indices))
	}
	d.limit = cmp.Or(answer.Limit, d.limit)
	return d.halve(ctx, p)
}

func (d *delivery) halve(ctx context.Context, p piece) error {
	first, second := p.batch.Split()
	if err := d.deliver(ctx, piece{first, p.indices[:first.Len()]}); err != nil {
		return err
	}
	return d.deliver(ctx, piece{second, p.indices[first.Len():]})
}

// withoutOlder refuses the entries that the answer says are too old, all at once, and returns the
// kept ones, of which it gets the indices in the piece.
func (d *delivery) withoutOlder(p piece, answer *StatusError, kept *Batch, indices []int) piece {
	rest := piece{batch: kept, indices: make([]int, 0, len(indices))}
	for i, index := range p.indices {
		if len(rest.indices) < len(indices) && i == indices[len(rest.indices)] {
			rest.indices = append(rest.indices, index)
			continue
		}
		d.refuse(index, answer)
	}
	return rest
}

func (d *delivery) refuse(index int, answer *StatusError) {
	d.refused = append(d.refused, Refusal{Index: index, Reason: answer.Reason, Err: answer})
}
