package sidecar

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// events logs and counts the reports of the loops.
type events struct {
	log     zerolog.Logger
	loops   healths
	polling prometheus.Gauge // 1 without inotify
	gaps    *gaps
	notes   zerolog.Logger // of the stream, sampled
}

// healths are the health of the start, the watch and each loop; stream is nil
// without a Loki.
type healths struct{ begin, watch, held, ship, stream *admin.Loop }

// fault adds the parts that people need to the error of a sink.
func fault(err error) error {
	if answer, ok := errors.AsType[*lokipush.StatusError](err); ok {
		return &admin.Fault{Err: err, Cause: fmt.Sprint(answer.Code, " ", http.StatusText(answer.Code)), Remedy: answer.Remedy(), Person: answer.Decision == lokipush.Stop}
	}
	if refusal, ok := errors.AsType[*archive.Error](err); ok {
		return &admin.Fault{Err: err, Cause: refusal.Cause, Remedy: refusal.Remedy, Person: archive.Permanent(err)}
	}
	return err
}

// archiveEvents implements [shipper.Events].
type archiveEvents struct{ *events }

func (a archiveEvents) Pass(err error)     { a.loops.ship.Observe(fault(err)) }
func (a archiveEvents) Gap(gap ledger.Gap) { a.noteGap(gap) }

// File is also a sign of life: a pass over many waiting files takes long.
func (a archiveEvents) File(event string, e ledger.Entry) {
	a.loops.ship.Alive()
	a.noteSegment(event, e)
}

// Head logs the head of the tree: the value of verify --expect-head, out of
// reach of those who can only write to the archive.
func (a archiveEvents) Head(head ledger.Head) {
	a.log.Info().Int("tree", head.Tree).Int64("number", head.Number).Str("head", head.Root).Msg("the archive has a record")
}

// noteSegment logs what happened to one file.
func (e *events) noteSegment(event string, of ledger.Entry) {
	line := e.log.Info()
	if of.State == ledger.Quarantined || of.Reason != "" {
		line = e.log.Error().Str("reason", of.Reason)
	}
	if of.ID == "" { // no segment
		line = e.log.Warn().Str("reason", of.Reason)
	}
	line = line.Str("file", of.Name).Str("segment", of.ID)
	if of.Source != nil {
		line = line.Int64("lines", of.Source.Lines).Int64("bytes", of.Source.Size).Str("sha256", of.Source.Stored().SHA256)
	}
	if len(of.Objects) > 0 {
		keys := make([]string, len(of.Objects))
		for i, o := range of.Objects {
			keys[i] = o.Key
		}
		line = line.Str("objects", strings.Join(keys, " "))
	}
	line.Msg(event)
}

// noteGap logs and counts a break in the log.
func (e *events) noteGap(g ledger.Gap) {
	e.gaps.count(g)
	e.log.Error().Str("reason", string(g.Reason)).Str("file", g.File).Time("from", g.From).Time("to", g.To).
		Int64("bytes", g.Bytes).Str("detail", g.Detail).Msg("GAP in the audit log: recorded for the archive")
}

// streamEvents implements [live.Events].
type streamEvents struct {
	*events
	held *hold.Hold
}

func (e streamEvents) Pass(err error)     { e.loops.stream.Observe(fault(err)) }
func (e streamEvents) Released()          { e.held.Wake() }
func (e streamEvents) Gap(gap ledger.Gap) { e.noteGap(gap) }

// Note logs the outcome of lines. A Loki that refuses a line of every push would
// fill the log: some notes a minute are logged, and the metrics count all.
func (e streamEvents) Note(event string, err error) { e.notes.Warn().Err(err).Msg("loki: " + event) }

// observeWatch reports the health of the watch. Without inotify the directory
// is polled, which is slower but loses nothing: that is ready, too.
func (e *events) observeWatch(mode rotate.Mode, err error) {
	e.polling.Set(map[bool]float64{true: 1}[mode == rotate.ModePolling])
	if mode == rotate.ModePolling {
		e.log.Warn().Err(err).Msg("watch: inotify unavailable, polling the directory instead")
		err = nil
	}
	e.loops.watch.Observe(err)
}
