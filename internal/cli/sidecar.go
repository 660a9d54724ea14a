package cli

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/live"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// shipperInterval is how often the shipper looks without being poked.
const shipperInterval = 30 * time.Second

// sidecar is the verb run: the loops and what they share.
type sidecar struct {
	settings config.Run
	version  string
	log      zerolog.Logger
	registry *prometheus.Registry
	health   *admin.Health
	fs       durable.FS
	polling  prometheus.Gauge // 1 without inotify
	stored   prometheus.Gauge // when the archive last took something
	shown    []config.Shown   // the settings, as they may be shown
	gaps     *gaps
	repeats  repeats
	working  atomic.Pointer[working] // nil until the state is open

	// One health for each loop; stream stays nil without a Loki.
	begin, watch, held, ship, stream *admin.Loop
}

func newSidecar(settings config.Run, shown []config.Shown, version string, log zerolog.Logger) *sidecar {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &sidecar{
		settings: settings, shown: shown, version: version, log: log, registry: registry,
		health: admin.NewHealth(log, registry, time.Now), fs: durable.OS(),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "auditsidecar", Name: "build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	s.polling = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "auditsidecar", Name: "watch_polling",
		Help: "1 while no inotify watch can be had and the directory is listed every --rescan-interval instead.",
	})
	s.stored = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "auditsidecar", Name: "archive_last_success_timestamp_seconds",
		Help: "When the archive last confirmed an object or a record; 0 before the first.",
	})
	registry.MustRegister(build, s.polling, s.stored, settingsMetric(shown), newLedgerMetrics(s))
	s.gaps = newGaps(registry)
	s.begin, s.watch = s.health.Quiet("start"), s.health.Quiet("watch")
	s.held, s.ship = s.health.Loop("hold"), s.health.Loop("archive")
	if settings.Loki.URL != "" {
		s.stream = s.health.Loop("loki")
	}
	return s
}

// run is the verb: once through, or until ctx is done.
func (s *sidecar) run(ctx context.Context) error {
	if ownsProcess(ctx) {
		syscall.Umask(umask)
	}
	log, err := rotate.ParsePath(s.settings.AuditLogPath)
	if err != nil {
		return &usageError{fmt.Errorf("--audit-log-path: %w", err)}
	}
	bucket, err := openBucket(ctx, s.settings.Archive, "")
	if err != nil {
		return &usageError{fmt.Errorf("--archive-url: %w", err)}
	}
	s.log.Info().Str("version", s.version).Str("auditLog", log.Path()).Str("archive", bucket.URL("")).
		Str("loki", s.settings.Loki.URL).Str("cluster", s.settings.Identity.Cluster).Str("node", s.settings.Identity.Node).Msg("starting")
	if s.settings.Once {
		return s.once(ctx, log, bucket)
	}
	return s.serve(ctx, log, bucket)
}

// loops are the parts that work on an opened state directory.
type loops struct {
	hold    *hold.Hold
	shipper *shipper.Shipper
	live    *live.Live // nil without a Loki
}

// loops wires the parts together.
func (s *sidecar) loops(log rotate.Log, bucket *archive.Bucket, st *state, names, writes <-chan struct{}) (*loops, error) {
	h, err := hold.New(hold.Config{
		Log: log, StateDir: st.dir, Copy: s.settings.Hold == config.HoldCopy, FS: s.fs, Ledger: st.ledger, Loki: s.stream != nil,
		Poke: names, Rescan: s.settings.RescanInterval,
		Budget:  hold.Budget{MaxBytes: int64(s.settings.HeldMaxBytes), MinFree: int64(s.settings.HeldMinFree)},
		Observe: s.held.Observe, Note: s.noteSegment, NoteGap: s.noteGap, Registry: s.registry,
	})
	if err != nil {
		return nil, err
	}
	ask, err := asker(s.settings.Proof.Server, s.log)
	if err != nil {
		return nil, err
	}
	objects := &store{bucket: bucket, identity: s.settings.Identity, epoch: st.ledger.Epoch(), success: s.stored, alive: s.ship.Alive}
	sh, err := shipper.New(shipper.Config{
		StateDir: st.dir, Held: h, Cluster: s.settings.Identity.Cluster, Node: s.settings.Identity.Node,
		Version: s.version, FS: s.fs, Ledger: st.ledger,
		Chain: st.chain, Store: objects, Keys: objects, MaxLag: s.maxLag(), Redact: s.archiveRedaction(st), Blind: st.redaction.blind(),
		Heartbeat: s.heartbeat(), Ask: ask, Key: st.key,
		Poke: h.Changed(), Interval: shipperInterval, Events: archiveEvents{s}, Registry: s.registry,
	})
	if err != nil {
		return nil, err
	}
	all := &loops{hold: h, shipper: sh}
	if s.stream != nil {
		all.live, err = s.newLive(h, st, writes)
	}
	return all, err
}

// heartbeat is the longest time without a record. --once is not there to beat.
func (s *sidecar) heartbeat() time.Duration {
	if s.settings.Once {
		return 0
	}
	return s.settings.Proof.HeartbeatInterval
}

// maxLag is how long a line may wait for its copy. --once has no later: it
// leaves the open file alone.
func (s *sidecar) maxLag() time.Duration {
	if s.settings.Once {
		return 0
	}
	return s.settings.ArchiveMaxLag
}

// archiveEvents implements [shipper.Events].
type archiveEvents struct{ s *sidecar }

func (a archiveEvents) Pass(err error)        { a.s.ship.Observe(err) }
func (a archiveEvents) Gap(gap ledger.Gap)    { a.s.noteGap(gap) }
func (a archiveEvents) Head(head ledger.Head) { a.s.noteHead(head) }

// File is also a sign of life: a pass over many waiting files takes long.
func (a archiveEvents) File(event string, e ledger.Entry) {
	a.s.ship.Alive()
	a.s.noteSegment(event, e)
}

// noteSegment logs what happened to one file.
func (s *sidecar) noteSegment(event string, e ledger.Entry) {
	line := s.log.Info()
	if e.State == ledger.Quarantined || e.Reason != "" {
		line = s.log.Error().Str("reason", e.Reason)
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
