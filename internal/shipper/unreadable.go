package shipper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// damageOf is the gap of a compressed file that does not unpack to its end; nil
// where it does. Only the checksum at its end proves the unpacked bytes, so lines of any
// time may be damaged, and how many are missing is unknown.
func damageOf(e ledger.Entry, bad *UnpackError, source *ledger.Source) *ledger.Gap {
	if bad == nil {
		return nil
	}
	gap := ledger.Gap{
		Reason: continuity.ReasonUnreadable, File: e.Name, From: source.First, To: e.Rotated, Bytes: -1,
		Detail: fmt.Sprintf("the .gz is damaged: of its content the first %d bytes unpack, and are archived (%v)", bad.Unpacked, bad.Err),
	}
	if gap.From.After(gap.To) {
		gap.From = gap.To
	}
	return &gap
}

// sameAsBefore compares a file that is held again, because it was damaged and has
// been changed since, with its archived lines. The source is then the part that
// follows that, from the line on in which the damage was. done says that there is
// nothing to archive: it is still damaged, or has nothing more.
func (s *Shipper) sameAsBefore(ctx context.Context, e ledger.Entry, src *source) (done bool, err error) {
	before := e.Before
	if before == nil {
		return false, nil
	}
	if src.damage != nil {
		return true, s.refused.leave(e, before)
	}
	end := before.From + before.Size
	same := src.size >= end
	if same {
		sum, err := sumOf(ctx, io.NewSectionReader(src, before.From, before.Size), before.Size)
		if err != nil {
			return false, err
		}
		same = s.isSum(&manifest.Source{SHA256: before.SHA256, HMAC: before.HMAC}, sum)
	}
	whole := *before
	whole.Damage = nil
	switch {
	case !same:
		if before.Damage != nil || before.From == 0 && src.size < end {
			err = s.fromDamage(ctx, e, src)
		}
		if err == nil && src.size > 0 {
			err = s.noteChange(e, "is another one or has other bytes, which were archived again")
		}
		if err != nil || src.size > 0 {
			return false, err
		}
	case src.size > end:
		if src.from, _, err = (&growing{src.File, end}).lastLine(before.From, before.Size); err != nil {
			return false, err
		}
		src.size -= src.from
		s.cfg.Events.File("a file has more than was archived of it: archiving the rest", e)
		return false, s.noteChange(e, "has more bytes, which were archived as a file of their own")
	}
	return true, s.refused.leave(e, &whole)
}

// fromDamage begins a file that was repaired, or cut, with the first line that is another one in
// the archive: damage may unpack to other bytes before it is noticed. A file without a line in
// common is archived as a whole, and so is one that the archive does not let us compare.
func (s *Shipper) fromDamage(ctx context.Context, e ledger.Entry, src *source) error {
	rest := &source{File: src.File, from: e.Before.From, size: max(0, src.size-e.Before.From)}
	now, err := s.content(ctx, e, rest, rest.size)
	if err != nil {
		return err
	}
	defer now.Close()
	var inputs []parquet.Input
	for i, o := range e.Objects {
		path := s.workFile(e.ID, fmt.Sprintf("before-%d", i))
		err := s.cfg.Store.Fetch(ctx, o.Key, path)
		if errors.Is(err, ErrTaken) || errors.Is(err, ErrUnreadable) {
			return s.clearFile(s.workFile(e.ID, redactedName))
		}
		if err != nil {
			return fmt.Errorf("read the archived lines of %s: %w", e.Name, err)
		}
		f, err := openSource(path)
		if err != nil {
			return err
		}
		defer f.Close()
		inputs = append(inputs, parquet.Input{Name: o.Key, ReaderAt: f, Size: f.size})
	}
	same := sameLines{now: bufio.NewReader(io.NewSectionReader(now, 0, now.size)), plain: bufio.NewReader(io.NewSectionReader(rest, 0, rest.size))}
	if err = parquet.RestoreIn(ctx, s.dir(e.ID), inputs, &same); err == nil && same.end > 0 {
		src.from, src.size = rest.from+same.end, rest.size-same.end
	}
	return errors.Join(passing(ctx, err), s.clearFile(s.workFile(e.ID, redactedName)))
}

// sameLines reads the archived lines of a file, and finds where the lines end that it
// has now, too, as they are archived. Of a file that ends before they do, that is its end.
type sameLines struct {
	now, plain *bufio.Reader
	differs    bool
	end        int64 // in plain
}

// Write compares.
func (s *sameLines) Write(p []byte) (int, error) {
	for _, c := range p {
		b, err := s.now.ReadByte()
		if errors.Is(err, io.EOF) && !s.differs {
			rest, _ := io.Copy(io.Discard, s.plain)
			s.end += rest
		}
		if s.differs = s.differs || err != nil || b != c; s.differs {
			break
		}
		for b = 0; c == '\n' && b != '\n'; s.end++ {
			if b, err = s.plain.ReadByte(); err != nil {
				return 0, fmt.Errorf("compare a repaired file: %w", err)
			}
		}
	}
	return len(p), nil
}

// noteChange records once that a whole file was changed or replaced after it was
// archived. Nothing is missing, but the log was edited.
func (s *Shipper) noteChange(e ledger.Entry, what string) error {
	if e.Before.Damage != nil || e.Changed {
		return nil
	}
	now := time.Now().UTC()
	gap := ledger.Gap{Reason: continuity.ReasonEdited, File: e.Name, From: e.Rotated, To: now, Detail: "after it was archived the file was changed or replaced: it " + what}
	err := s.cfg.Ledger.AddGap(gap, e.ID, func(e *ledger.Entry) error { e.Changed = true; return nil })
	if err == nil {
		s.cfg.Events.Gap(gap)
	}
	return err
}
