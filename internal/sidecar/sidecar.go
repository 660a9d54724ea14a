package sidecar

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/internal/live"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// Config configures a Sidecar.
type Config struct {
	Settings config.Run
	Shown    []admin.Setting // the settings as the status page shows them
	Version  string
	Log      zerolog.Logger
	// OwnsProcess allows changes to the whole process: its umask, and by
	// Landlock its rights.
	OwnsProcess bool
}

// Sidecar is the loops and their shared parts.
type Sidecar struct {
	Config
	audit    rotate.Log
	bucket   *archive.Bucket
	fs       durable.FS
	registry *prometheus.Registry
	health   *admin.Health
	stored   prometheus.Gauge // when the archive last took something
	events   *events
	working  atomic.Pointer[working] // nil until the state is open
}

// New validates the settings, and reports every mistake at once. It contacts
// neither archive nor Loki.
func New(ctx context.Context, cfg Config) (*Sidecar, error) {
	if err := Validate(ctx, &cfg.Settings); err != nil {
		return nil, err
	}
	audit, err := rotate.ParsePath(cfg.Settings.AuditLogPath)
	if err != nil {
		return nil, err
	}
	bucket, err := cfg.Settings.Archive.Open(ctx)
	if err != nil {
		return nil, err
	}
	s := newSidecar(cfg)
	s.audit, s.bucket = audit, bucket
	return s, nil
}

// Validate returns every mistake in the settings, and in the files that they
// name, at once.
func Validate(ctx context.Context, settings *config.Run) error {
	errs := []error{settings.Validate()}
	check := func(flag, value string, err error) {
		if value != "" && err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	_, err := rotate.ParsePath(settings.AuditLogPath)
	check("audit-log-path", settings.AuditLogPath, err)
	_, err = settings.Archive.Open(ctx)
	check("archive-url", settings.Archive.URL, err)
	if settings.WebConfig != "" {
		check("web-config-file", settings.WebConfig, admin.CheckWebConfig(settings.WebConfig))
	}
	_, err = signingKey(settings)
	check("signing-key-file", settings.Proof.SigningKeyFile, err)
	_, err = counters(settings.Proof.Server)
	errs = append(errs, err, settings.Redact.ValidateFiles())
	if settings.Loki.URL != "" {
		errs = append(errs, validLoki(&settings.Loki, settings.Identity))
	}
	return errors.Join(errs...)
}

func newSidecar(cfg Config) *Sidecar {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, labels prometheus.Labels) prometheus.Gauge {
		return promauto.With(registry).NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help, ConstLabels: labels})
	}
	s := &Sidecar{
		Config: cfg, registry: registry, health: admin.NewHealth(cfg.Log, registry, time.Now), fs: durable.OS(),
		stored: gauge("archive_last_success_timestamp_seconds", "When the archive last confirmed an object or a record; 0 before the first.", nil),
	}
	gauge("build_info", "Always 1; the labels name the running version.", prometheus.Labels{"version": cfg.Version, "goversion": runtime.Version()}).Set(1)
	gauge("config_hash", "Hash of the settings, the same on nodes that are set alike: the name of the node does not count, nor the content of the files that are named.", nil).
		Set(config.Hash(cfg.Shown))
	s.registerLag()
	s.events = &events{
		log: cfg.Log, gaps: newGaps(registry), notes: cfg.Log.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
		polling: gauge("watch_polling", "1 while inotify is unavailable and the directory is listed every --rescan-interval instead.", nil),
		loops: healths{
			begin: s.health.Quiet("start"), watch: s.health.Quiet("watch"),
			held: s.health.Loop("hold"), ship: s.health.Loop("archive"),
		},
	}
	if cfg.Settings.Loki.URL != "" {
		s.events.loops.stream = s.health.Loop("loki")
	}
	return s
}

// umask is that of run: nothing that it makes is for others.
const umask = 0o077

// Run works once through the log with --once, or else until ctx is done.
func (s *Sidecar) Run(ctx context.Context) error {
	if s.OwnsProcess {
		syscall.Umask(umask)
	}
	s.Log.Info().Str("version", s.Version).Str("auditLog", s.audit.Path()).Str("archive", s.bucket.URL("")).
		Str("loki", s.Settings.Loki.URL).Str("cluster", s.Settings.Identity.Cluster).Str("node", s.Settings.Identity.Node).Msg("starting")
	if s.Settings.Once {
		return s.once(ctx)
	}
	return s.serve(ctx)
}

// shipperInterval is how often the shipper looks without being poked.
const shipperInterval = 30 * time.Second

// working has the parts that need an open state.
type working struct {
	*state
	hold    *hold.Hold
	intake  *intake
	shipper *shipper.Shipper
	live    *live.Live // nil without a Loki
}

// wire wires the loops together over an opened state directory. names and writes
// poke them.
func (s *Sidecar) wire(st *state, names, writes <-chan struct{}) (*working, error) {
	h, err := hold.New(hold.Config{
		Log: s.audit, StateDir: st.dir, Copy: s.Settings.Hold == config.HoldCopy, FS: s.fs, Ledger: st.ledger, Loki: s.events.loops.stream != nil,
		Poke: names, Rescan: s.Settings.RescanInterval,
		Budget:  hold.Budget{MaxBytes: int64(s.Settings.HeldMaxBytes), MinFree: int64(s.Settings.HeldMinFree)},
		Observe: s.events.loops.held.Observe, Note: s.events.noteSegment, NoteGap: s.events.noteGap, Registry: s.registry,
	})
	if err != nil {
		return nil, err
	}
	server, err := counters(s.Settings.Proof.Server)
	if err != nil {
		return nil, err
	}
	in := newIntake(s.audit, server, s.Settings.SilenceAfter, s.Log, s.registry)
	heartbeat, maxLag := s.Settings.Proof.HeartbeatInterval, s.Settings.ArchiveMaxLag
	if s.Settings.Once { // it ends before either is due, and leaves the open file alone
		heartbeat, maxLag = 0, 0
	}
	objects := &store{log: s.Log, bucket: s.bucket, identity: s.Settings.Identity, success: s.stored, alive: s.events.loops.ship.Alive}
	sh, err := shipper.New(shipper.Config{
		StateDir: st.dir, Held: h, Cluster: s.Settings.Identity.Cluster, Node: s.Settings.Identity.Node,
		Version: s.Version, FS: s.fs, Ledger: st.ledger,
		Chain: st.chain, Store: objects, Keys: objects, MaxLag: maxLag, Redact: s.archiveRedaction(st), Blind: st.redaction.blind(),
		Heartbeat: heartbeat, Log: in, Key: st.key, Setup: setupOf(&s.Config, st.redaction),
		Poke: h.Changed(), Interval: shipperInterval, Events: archiveEvents{s.events}, Registry: s.registry,
	})
	if err != nil {
		return nil, err
	}
	w := &working{state: st, hold: h, intake: in, shipper: sh}
	if s.events.loops.stream != nil {
		if w.live, err = s.newLive(h, st, writes); err != nil {
			return nil, err
		}
	}
	return w, nil
}
