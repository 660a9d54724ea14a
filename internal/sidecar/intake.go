package sidecar

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/apiserver"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const (
	// lookEvery is how often the intake looks at the log.
	lookEvery = 10 * time.Second
	// settling is how long something must last to be believed: a rotation takes less,
	// and so does a batch of kube-apiserver between its count and its write. It is also
	// how often a silent kube-apiserver is asked for its counter.
	settling = time.Minute
)

// intake watches whether lines arrive. A silence is judged by kube-apiserver's own
// counter, for which it is asked only then. It is safe for concurrent use.
type intake struct {
	audit    rotate.Log
	server   func(context.Context) (apiserver.Counters, error) // kube-apiserver; nil: it is not asked
	after    time.Duration                                     // a silence without a counter is worth a warning
	log      zerolog.Logger
	lastLine prometheus.Gauge
	bytes    prometheus.Counter

	shown   atomic.Pointer[admin.Input] // as of the last look
	failing atomic.Bool                 // kube-apiserver did not answer

	sizes   map[string]int64 // of the files at the last look, by ID; nil before the first
	missing time.Time        // since when there is no open file
	input   admin.Input
	asked   time.Time
	base    shipper.Counters // of the first answer in this silence
	rising  time.Time        // when more was counted than that
	flat    bool             // a later answer counted no more
}

func newIntake(audit rotate.Log, server func(context.Context) (apiserver.Counters, error), after time.Duration, log zerolog.Logger, reg prometheus.Registerer) *intake {
	in := &intake{
		audit: audit, server: server, after: after, log: log,
		lastLine: promauto.With(reg).NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: "log_last_line_timestamp_seconds", Help: "When a line of the log last arrived; 0 if none did."}),
		bytes:    promauto.With(reg).NewCounter(prometheus.CounterOpts{Namespace: "auditsidecar", Name: "log_bytes_total", Help: "Bytes that the log gained since the start."}),
	}
	in.shown.Store(&admin.Input{})
	return in
}

// Run looks until ctx is done.
func (in *intake) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		in.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look looks at the log once. One that cannot be listed is the business of the hold.
func (in *intake) look(ctx context.Context) {
	listed, err := in.audit.Segments()
	if err != nil {
		return
	}
	now := time.Now()
	in.measure(listed, now)
	if in.server != nil && now.Sub(in.input.LastLine) >= settling && now.Sub(in.asked) >= settling {
		in.asked = now
		in.ask(ctx, now)
	}
	in.input.Nearest = ""
	switch state := in.state(now); {
	case state == admin.NoFile:
		in.input.State, in.input.Since, in.input.Nearest = state, in.missing, nearest(in.audit)
	case state == admin.Losing || state == admin.Silent:
		in.input.State, in.input.Since = state, in.input.LastLine
	case state != in.input.State:
		in.input.State, in.input.Since = state, now
	}
	shown := in.input
	in.shown.Store(&shown)
}

// measure notes the growth of the files since the last look, and when a line last
// arrived: a silence is over then.
func (in *intake) measure(listed []rotate.Segment, now time.Time) {
	sizes, gained := map[string]int64{}, int64(0)
	open, last := false, in.input.LastLine
	for _, s := range listed {
		open = !s.Finished // the open file is the last
		if at := s.Rotated; at.After(last) {
			last = at
		}
		if open && s.Size > 0 && s.ModTime.After(last) {
			last = s.ModTime
		}
		if !s.Gzip {
			sizes[s.ID], gained = s.Size, gained+max(0, s.Size-in.sizes[s.ID])
		}
	}
	if in.sizes != nil {
		in.bytes.Add(float64(gained))
	}
	in.sizes = sizes
	if last.After(in.input.LastLine) {
		in.input.LastLine, in.input.Asked, in.input.Counted = last, false, 0
		in.base, in.rising, in.flat = shipper.Counters{}, time.Time{}, false
		in.lastLine.Set(float64(last.UnixMilli()) / 1e3)
	}
	switch {
	case open:
		in.missing = time.Time{}
	case in.missing.IsZero():
		in.missing = now
	}
}

// ask reads how many events kube-apiserver has counted since the first answer in this silence.
func (in *intake) ask(ctx context.Context, now time.Time) {
	c, ok := in.Ask(ctx)
	in.input.Asked = ok
	switch {
	case !ok:
		return
	case in.base.Started.IsZero() && in.base.Events == 0 || !c.Started.Equal(in.base.Started) || c.Events < in.base.Events:
		in.base, in.rising, in.flat = c, time.Time{}, false
	case c.Events > in.base.Events && in.rising.IsZero():
		in.rising, in.flat = now, false
	default:
		in.flat = in.rising.IsZero()
	}
	in.input.Counted = c.Events - in.base.Events
}

// state judges the observations.
func (in *intake) state(now time.Time) admin.State {
	silence := now.Sub(in.input.LastLine)
	switch {
	case !in.missing.IsZero() && now.Sub(in.missing) >= settling:
		return admin.NoFile
	case !in.rising.IsZero() && now.Sub(in.rising) >= settling:
		return admin.Losing
	case in.input.LastLine.IsZero() && !in.missing.IsZero():
		return admin.NotTried
	case silence < in.after:
		return admin.Working
	case in.input.Asked && in.flat:
		return admin.Quiet
	}
	return admin.Silent
}

// Input implements [shipper.Log].
func (in *intake) Input() *manifest.Input {
	now := in.shown.Load()
	if !slices.Contains([]admin.State{admin.NoFile, admin.Losing, admin.Silent}, now.State) {
		return nil
	}
	return &manifest.Input{State: manifest.InputState(strings.ReplaceAll(string(now.State), " ", "_")), Since: manifest.At(now.Since), Events: now.Counted}
}

// Ask implements [shipper.Log]. It logs when kube-apiserver ceases to answer, and when
// it answers again.
func (in *intake) Ask(ctx context.Context) (shipper.Counters, bool) {
	if in.server == nil {
		return shipper.Counters{}, false
	}
	c, err := in.server(ctx)
	if failing := err != nil; in.failing.Swap(failing) != failing {
		in.log.Warn().Err(err).Bool("available", !failing).Msg("kube-apiserver's own counters")
	}
	return shipper.Counters(c), err == nil
}

// nearest is the last file in the directory whose name begins or ends like that of the
// open file; empty if none does.
func nearest(audit rotate.Log) (name string) {
	files, _ := os.ReadDir(audit.Dir) // listed just now
	for _, f := range files {
		if f.Type().IsRegular() && (strings.HasSuffix(f.Name(), audit.Ext) || strings.HasPrefix(f.Name(), audit.Base)) {
			name = f.Name()
		}
	}
	return name
}
