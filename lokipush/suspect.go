package lokipush

import "context"

// maxSuspects is how many suspects a delivery collects before it finds out about them.
const maxSuspects = 8

// rounds is how often a suspect is pushed again.
const rounds = 4

// unexplained reports a refusal that may as well concern every push: of a gateway, of a setting, or
// of a Loki whose words are not known here.
func (e *StatusError) unexplained() bool { return e.Reason == ReasonOther }

// asStop is a refusal in unknown words of a push that nothing speaks for: only a person can help.
func (e *StatusError) asStop() *StatusError {
	stop := *e
	stop.Decision = Stop
	return &stop
}

// suspect keeps an entry that Loki refused alone with an error that may not be about the entry.
func (d *delivery) suspect(ctx context.Context, p piece, answer *StatusError) error {
	d.suspects = append(d.suspects, suspect{p, answer})
	if d.accepted == nil || len(d.suspects) < maxSuspects {
		return nil
	}
	return d.resolve(ctx)
}

// suspect is an entry and the answer to it.
type suspect struct {
	piece
	answer *StatusError
}

// stuck reports that many entries were refused in unknown words and none was accepted.
func (d *delivery) stuck() bool { return d.accepted == nil && len(d.suspects) >= maxSuspects }

// resolve refuses the suspects that Loki refuses rounds times, if between these and afterwards it
// accepts another entry of the same delivery. As long as there is no such entry it keeps asking, as
// for any Stop, and refuses nothing.
func (d *delivery) resolve(ctx context.Context) error {
	if len(d.suspects) == 0 {
		return nil
	}
	for sure := false; !sure; {
		var err error
		if sure, err = d.isolate(ctx); err != nil {
			return err
		}
	}
	for _, s := range d.suspects {
		d.refuse(s.indices[0], s.answer)
	}
	d.suspects = nil
	return nil
}

// isolate reports whether Loki refuses the suspects that are left, and nothing else. The pushes
// follow no period, so that one broken gateway of several is not mistaken for a bad entry.
func (d *delivery) isolate(ctx context.Context) (bool, error) {
	for round := range rounds + 1 {
		for range 1 + round {
			if accepted, err := d.probe(ctx); err != nil || !accepted {
				return len(d.suspects) == 0, err
			}
		}
		if round == rounds {
			break
		}
		if err := d.askAgain(ctx); err != nil || len(d.suspects) == 0 {
			return true, err
		}
	}
	return true, nil
}

// probe reports whether Loki accepts the entries that it accepted of this delivery before: sending it again
// is harmless. As long as it has accepted nothing, probe tries one suspect after the other.
func (d *delivery) probe(ctx context.Context) (bool, error) {
	if d.accepted != nil {
		answer, err := d.pusher.settle(ctx, d.accepted, true)
		return answer == nil || !answer.unexplained(), err
	}
	first := d.suspects[0]
	d.suspects = d.suspects[1:]
	answer, err := d.pusher.settle(ctx, first.batch, true)
	if err == nil {
		d.sort(first, answer)
	}
	return d.accepted != nil, err
}

// askAgain pushes every suspect once more.
func (d *delivery) askAgain(ctx context.Context) error {
	suspects := d.suspects
	d.suspects = nil
	for _, s := range suspects {
		answer, err := d.pusher.settle(ctx, s.batch, false)
		if err != nil {
			return err
		}
		d.sort(s, answer)
	}
	return nil
}

// sort puts a suspect where the newest answer to it says.
func (d *delivery) sort(s suspect, answer *StatusError) {
	switch {
	case answer == nil:
		d.accept(s.batch)
	case answer.unexplained():
		d.suspects = append(d.suspects, s)
	default:
		d.refuse(s.indices[0], answer)
	}
}
