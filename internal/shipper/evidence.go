package shipper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// examiner compares held files with everything that was seen of them.
type examiner struct {
	*workspace
	waiting map[string]bool // the finished files that waited at the last pass, by ID
}

// examine looks at the finished files that wait for the archive: none may have fewer bytes than were
// seen of it, or others (I10). It needs no archive, so a cut is reported while that is unavailable.
// A file that waits for a second pass is hashed whole, so that its conversion finds any changed byte.
func (s *examiner) examine(ctx context.Context) error {
	waited := s.waiting
	s.waiting = map[string]bool{}
	for _, e := range s.cfg.Ledger.Entries() {
		if !e.Finished || e.State != ledger.Held {
			continue
		}
		s.waiting[e.ID] = true
		found, err := s.cutOff(e)
		if err == nil && !found && waited[e.ID] {
			err = s.readWhole(ctx, e)
		}
		if gone := errors.Is(err, fs.ErrNotExist); err != nil && !gone && !errors.Is(err, ledger.ErrStale) {
			return err // a file that is gone, or has changed, is reported by hold
		}
	}
	return nil
}

// readWhole hashes the part of a finished file that was not read while it was open.
func (s *examiner) readWhole(ctx context.Context, e ledger.Entry) error {
	if e.Gzip || e.Read != nil && e.Read.Size >= e.Seen {
		return nil
	}
	src, err := s.openGrowing(e)
	if src == nil || err != nil {
		return err
	}
	defer src.Close()
	read, err := readOn(ctx, src, e.Read)
	if err != nil {
		return err
	}
	return s.cfg.Ledger.Edit(e.ID, func(now *ledger.Entry) {
		if now.Cuts == e.Cuts && now.State == e.State {
			now.Read = read
		}
	})
}

// cutOff records the bytes seen earlier that a held file lacks; found says that there was
// something.
func (s *examiner) cutOff(e ledger.Entry) (found bool, err error) {
	src, err := openSource(s.cfg.Held.Path(e.ID))
	if err != nil {
		return false, err
	}
	defer src.Close()
	f := &growing{src.File, src.size}
	gap, apart, err := s.lack(e, f)
	if gap == nil || err != nil {
		return false, err
	}
	return true, s.recordCut(e, f, *gap, apart)
}

// lack describes the bytes that a file lacks, nil without any. apart says that it no longer begins
// with the bytes of its increments, which it must not supersede then. A finished file that is only
// shorter than its increments keeps their number: readers see that they reach further.
func (s *examiner) lack(e ledger.Entry, f *growing) (gap *ledger.Gap, apart bool, err error) {
	least, now := e.Least(), time.Now()
	open := openOf(e)
	same, holed, err := f.begins(e.Mark)
	joins := true
	if err == nil && f.size >= open.Offset {
		joins, err = f.continues(open)
	}
	if err == nil && joins && !e.Gzip && f.size >= e.Tail.End {
		joins, err = f.ends(e.Tail)
	}
	if err != nil {
		return nil, false, err
	}
	seen := continuity.Content{Seen: least, Size: f.size, SameStart: same, SameRest: joins, Holed: holed, Finished: e.Finished}
	switch loss := seen.Judge(); {
	case loss == continuity.Truncated:
		shrunk := e.Shrunk(least, f.size, same, now)
		gap = &shrunk
	case loss == continuity.Edited:
		edited := e.Edited(least, now)
		gap = &edited
	case s.emptied(e, f.size):
		empty := e.Empty(now)
		gap = &empty
	}
	return gap, !e.Finished || !(same && joins) && f.size >= open.Offset, nil
}

// emptied says whether a backup without a byte is a gap that is not recorded yet. A name that no pass saw
// is no backup's; and at the beginning of an epoch the archive may have the file, as it has one that is held again.
func (s *examiner) emptied(e ledger.Entry, size int64) bool {
	return size == 0 && e.Finished && !e.Unnamed && e.Cuts == 0 && e.Before == nil && !s.cfg.Ledger.Chain().Fresh
}

// known describes the part of a plain file that was read: the SHA-256 of its first bytes.
func known(e ledger.Entry) (bytes int64, sum string) {
	switch {
	case e.Read != nil && e.Read.Size > 0:
		return e.Read.Size, e.Read.SHA256
	case !e.Gzip && e.Mark.N > 0:
		return int64(e.Mark.N), e.Mark.SHA256
	}
	return 0, ""
}

// begins says whether the file has the bytes of a mark at its beginning; holed that there is a hole of
// NUL bytes instead, as a truncation leaves under a writer that continues at its old offset.
func (g *growing) begins(mark ledger.Mark) (same, holed bool, err error) {
	if int64(mark.N) > g.size || mark.N <= 0 {
		return true, false, nil // not known: it was empty, or has become so short
	}
	head, err := g.head(int64(mark.N))
	return ledger.MarkOf(head) == mark, len(head) > 0 && len(bytes.Trim(head, "\x00")) == 0, err
}

// ends says whether the file, which is no shorter, still has the tail where it was.
func (g *growing) ends(tail ledger.Tail) (bool, error) {
	end, err := g.tail(tail.End, int64(tail.N))
	return tail.N == 0 || ledger.MarkOf(end) == tail.Mark, err
}

func (g *growing) head(most int64) ([]byte, error) {
	n := min(g.size, most)
	return g.tail(n, n)
}

// recordCut puts the gap of a cut on disk, together with the present state of the file.
func (s *examiner) recordCut(e ledger.Entry, f *growing, gap ledger.Gap, apart bool) error {
	head, err := f.head(ledger.MarkSize)
	if err != nil {
		return err
	}
	if e.Gzip { // package hold compares it, to find a repair
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("look at a file that was cut: %w", err)
		}
		e.Wrote = info.ModTime().UTC()
	}
	return s.recordGap(e, gap, f.size, ledger.MarkOf(head), apart)
}

func (s *examiner) recordGap(e ledger.Entry, gap ledger.Gap, size int64, mark ledger.Mark, apart bool) error {
	if err := s.cfg.Ledger.Cut(e, gap, size, mark, apart); err != nil {
		return err
	}
	s.cfg.Events.Gap(gap)
	if gap.Reason == continuity.ReasonEdited {
		s.metrics.edited.Inc()
		e.Reason = gap.Detail
		s.cfg.Events.File("ALARM: the audit log was edited", e)
	}
	return nil
}
