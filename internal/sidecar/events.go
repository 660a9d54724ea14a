package sidecar

import (
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// archiveEvents implements [shipper.Events].
type archiveEvents struct{ s *Sidecar }

func (a archiveEvents) Pass(err error)     { a.s.loops.ship.Observe(err) }
func (a archiveEvents) Gap(gap ledger.Gap) { a.s.noteGap(gap) }

// File is also a sign of life: a pass over many waiting files takes long.
func (a archiveEvents) File(event string, e ledger.Entry) {
	a.s.loops.ship.Alive()
	a.s.noteSegment(event, e)
}

// Head logs the head of the chain: what verify takes as --expect-head, out of
// reach of those who can only write to the archive.
func (a archiveEvents) Head(head ledger.Head) {
	a.s.Log.Info().Int64("seq", head.Seq).Str("head", head.SHA256).Msg("the archive has a record")
}

// noteSegment logs what happened to one file.
func (s *Sidecar) noteSegment(event string, e ledger.Entry) {
	line := s.Log.Info()
	if e.State == ledger.Quarantined || e.Reason != "" {
		line = s.Log.Error().Str("reason", e.Reason)
	}
	line = line.Str("file", e.Name).Str("segment", e.ID)
	if e.Source != nil {
		line = line.Int64("lines", e.Source.Lines).Int64("bytes", e.Source.Size).Str("sha256", e.Source.Stored().SHA256)
	}
	if len(e.Objects) > 0 {
		keys := make([]string, len(e.Objects))
		for i, o := range e.Objects {
			keys[i] = o.Key
		}
		line = line.Str("objects", strings.Join(keys, " "))
	}
	line.Msg(event)
}

// noteLost is noteGap before the ledger is open: then the page has the break from there.
func (s *Sidecar) noteLost(g ledger.Gap) {
	s.logGap(g)
	s.gaps.total.WithLabelValues(g.Reason).Inc()
}

// noteGap logs and counts a break in the log.
func (s *Sidecar) noteGap(g ledger.Gap) {
	s.logGap(g)
	s.gaps.count(g)
}

func (s *Sidecar) logGap(g ledger.Gap) {
	s.Log.Error().Str("reason", g.Reason).Str("file", g.File).Time("from", g.From).Time("to", g.To).
		Int64("bytes", g.Bytes).Str("detail", g.Detail).Msg("GAP in the audit log: recorded for the archive")
}

// streamEvents implements [live.Events].
type streamEvents struct {
	s    *Sidecar
	held *hold.Hold
}

func (e streamEvents) Pass(err error)     { e.s.loops.stream.Observe(err) }
func (e streamEvents) Released()          { e.held.Wake() }
func (e streamEvents) Gap(gap ledger.Gap) { e.s.noteGap(gap) }

// Note logs what became of lines. A Loki that refuses a line of every push would
// fill the log: events of one kind are logged once a minute.
func (e streamEvents) Note(event string, err error) {
	if left, ok := e.s.repeats.allow(event, time.Now()); ok {
		line := e.s.Log.Warn().Err(err)
		if left > 0 {
			line = line.Int("leftOut", left)
		}
		line.Msg("loki: " + event)
	}
}

// observeWatch reports the health of the watch. Without inotify the directory
// is polled, which is slower but loses nothing: that is ready, too.
func (s *Sidecar) observeWatch(mode rotate.Mode, err error) {
	s.polling.Set(map[bool]float64{true: 1}[mode == rotate.ModePolling])
	if mode == rotate.ModePolling {
		s.Log.Warn().Err(err).Msg("watch: inotify unavailable, polling the directory instead")
		err = nil
	}
	s.loops.watch.Observe(err)
}
