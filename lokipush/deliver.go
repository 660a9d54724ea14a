package lokipush

import (
	"cmp"
	"context"
	"slices"
)

// Deliver pushes the batch until every entry is accepted or refused for good, and returns the
// refused ones by ascending index. It waits as long as Loki is away. Only when ctx is done, or
// Backoff.MaxRetries is used up, does it return an error; then the entries must count as not
// accepted (some may be: sending them again is harmless, Loki hides an entry that it already has).
//
// A refusal with words that concern no entry (a gateway, a wrong setting, a Loki that is not known
// yet) is believed of an entry only when the same server took another push between two refusals of
// it. Until then it counts as Stop.
func (p *Pusher) Deliver(ctx context.Context, b Payload) ([]Refusal, error) {
	answer, err := p.settle(ctx, b, nil)
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
	if err := d.divide(ctx, all, answer); err != nil {
		return d.refused, err
	}
	if err := d.resolve(ctx); err != nil {
		return d.refused, err
	}
	slices.SortFunc(d.refused, func(a, b Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return d.refused, nil
}

// delivery finds the entries of one batch that are refused.
type delivery struct {
	pusher  *Pusher
	refused []Refusal
	doubts  []doubt
	taken   *Batch // the smallest piece that was accepted; nil: none
}

// piece is a part of the delivered batch.
type piece struct {
	batch   *Batch
	indices []int // of its entries in the whole
}

// deliver pushes a piece and divides it where Loki will not take it as it is.
func (d *delivery) deliver(ctx context.Context, p piece) error {
	if p.batch.Len() == 0 {
		return nil
	}
	answer, err := d.pusher.settle(ctx, p.batch, nil)
	if err != nil {
		return err
	}
	if answer != nil {
		return d.divide(ctx, p, answer)
	}
	if d.taken == nil || p.batch.Len() < d.taken.Len() {
		d.taken = p.batch
	}
	return nil
}

// divide settles a piece that got this answer: without the entries that are too old, in halves, or,
// where it is one entry, as refused.
func (d *delivery) divide(ctx context.Context, p piece, answer *StatusError) error {
	if p.batch.Len() == 1 {
		if answer.unexplained() {
			return d.note(ctx, p)
		}
		d.refuse(p.indices[0], answer)
		return nil
	}
	if kept, indices := p.batch.since(answer.Oldest); kept != p.batch {
		return d.deliver(ctx, d.withoutOlder(p, answer, kept, indices))
	}
	first, second := p.batch.Split()
	if err := d.deliver(ctx, piece{first, p.indices[:first.Len()]}); err != nil {
		return err
	}
	return d.deliver(ctx, piece{second, p.indices[first.Len():]})
}

// withoutOlder refuses the entries that the answer says are too old, all at once, and returns the
// kept ones, of which it is told the indices in the piece.
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

// note keeps an entry that was refused without a reason that concerns entries until it is known
// whether Loki takes others. Where that stays open for many, it waits for the answer here and does
// not ask for each.
func (d *delivery) note(ctx context.Context, p piece) error {
	d.doubts = append(d.doubts, doubt{index: p.indices[0], batch: p.batch, since: d.pusher.witness.now()})
	if len(d.doubts) < maxDoubts {
		return nil
	}
	return d.resolve(ctx)
}

// resolve pushes the entries in doubt again. Those that are refused once more, after Loki took
// another push, are. That may be one that it has already: sending it again is harmless.
func (d *delivery) resolve(ctx context.Context) error {
	if n := len(d.doubts); n > 0 && d.taken != nil && !d.pusher.witness.since(d.doubts[n-1].since) {
		_ = d.pusher.attempt(ctx, d.taken, nil) // whatever it is, what follows is judged by it
	}
	for i := range d.doubts {
		in := &d.doubts[i]
		answer, err := d.pusher.settle(ctx, in.batch, in)
		if err != nil {
			return err
		}
		if answer != nil {
			d.refuse(in.index, answer)
		}
	}
	d.doubts = d.doubts[:0]
	return nil
}
