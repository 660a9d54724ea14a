package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const runExample = `  # beside kube-apiserver: archive to S3, stream to Loki
  auditsidecar run --audit-log-path /var/log/kubernetes/audit/audit.log \
    --archive-url s3://audit-archive/audit-logs --s3-region eu-central-1 \
    --loki-url http://10.0.0.7:3100 --cluster production

  # archive finished files to a local directory, then exit
  auditsidecar run --once --audit-log-path ./audit/audit.log --archive-url /srv/audit \
    --cluster test`

// newRunCommand builds the verb run. process says that the process runs nothing
// else, so that the verb may change settings of the whole process.
func newRunCommand(version string, process bool) *cobra.Command {
	var settings config.Run
	var logs logFlags
	cmd := &cobra.Command{
		Use:        "run --audit-log-path PATH --archive-url URL --cluster NAME",
		Short:      "Archive and stream the audit log beside kube-apiserver",
		SuggestFor: []string{"start", "serve", "archive", "stream", "tail"},
		Long: `run holds every file of the audit log by a hard link, archives each finished
file as Parquet and streams the open one to Loki, until SIGTERM.

Every flag can also come from an environment variable (--archive-url is
AUDITSIDECAR_ARCHIVE_URL) or from a YAML file (archive-url: ...) named by
--config. Precedence: flags, environment, config file.

http://127.0.0.1:9464/ (--listen) is the status page. SIGTERM drains both sinks;
SIGUSR1 toggles debug logging.`,
		Example: runExample,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if process {
				limitMemory(memoryLimit)
				limitProcessors()
			}
			defer logs.toggleOnSignal()()
			log, err := prepare(cmd, &logs)
			if errors.Is(err, fs.ErrNotExist) { // nothing else is known
				return &usageError{err}
			}
			s, invalid := sidecar.New(cmd.Context(), sidecar.Config{
				Settings: settings, Shown: config.Show(cmd.Flags()), Version: version, Log: log, OwnsProcess: process,
			})
			if err := errors.Join(err, invalid); err != nil {
				return &usageError{err}
			}
			if settings.AdminPprof {
				profileMemory()
			}
			err = s.Run(cmd.Context())
			if errors.Is(err, ledger.ErrNewer) {
				return &usageError{err}
			}
			if err == nil && settings.Once {
				return checkInput(settings.AuditLogPath)
			}
			return err
		},
	}
	registerRun(cmd.Flags(), &settings, &logs)
	require(cmd.Flags(), "audit-log-path", "archive-url", "cluster")
	return cmd
}

// checkInput refuses a log of which no file is there: a mistyped name looks like one that was
// archived as a whole.
func checkInput(path string) error {
	log, err := rotate.ParsePath(path)
	if err != nil {
		return err
	}
	if files, err := log.Segments(); err != nil || len(files) > 0 {
		return err
	}
	return fmt.Errorf("run --once: %s has neither the file %s nor a backup of it: nothing was archived; give --audit-log-path as kube-apiserver has it", log.Dir, log.Name())
}

// registerRun declares the flags of run.
func registerRun(flags *pflag.FlagSet, settings *config.Run, logs *logFlags) {
	settings.Register(flags)
	logs.register(flags)
	flags.String(config.FileFlag, "", "YAML `file` with settings, named like the flags")
}

// prepare reads the settings and makes the logger. A value that does not parse
// leaves its default, which is valid, so that no mistake hides another.
func prepare(cmd *cobra.Command, logs *logFlags) (zerolog.Logger, error) {
	warnings, fillErr := config.Fill(cmd.Flags(), os.Environ())
	log, logErr := logs.logger(cmd.ErrOrStderr())
	for _, w := range warnings {
		log.Warn().Msg(w)
	}
	return log, errors.Join(fillErr, logErr)
}

// logFlags say how to log. SIGUSR1 changes between the level that they set and
// debug.
type logFlags struct {
	level  string
	format string

	usual   zerolog.Level
	verbose atomic.Bool                    // everything is logged
	log     atomic.Pointer[zerolog.Logger] // nil before the settings are read
}

func (l *logFlags) register(flags *pflag.FlagSet) {
	l.level = "info"
	config.RegisterWord(flags, &l.level, "log-level", "", "least severity to log: %s")
	config.RegisterWord(flags, &l.format, "log-format", "", "%s; auto is console on a terminal, json elsewhere")
}

// logger checks the flags and returns a logger to out.
func (l *logFlags) logger(out io.Writer) (zerolog.Logger, error) {
	err := errors.Join(config.OneOf("log-level", l.level), config.OneOf("log-format", l.format))
	level, _ := zerolog.ParseLevel(l.level) // one of its words
	writer := out
	if l.format == "console" || l.format == "auto" && terminal.Is(out) {
		writer = zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly, NoColor: !bool(terminal.NewPaint(out))}
	}
	l.usual = level
	log := zerolog.New(writer).Level(zerolog.DebugLevel).Hook(l).With().Timestamp().Logger()
	l.log.Store(&log)
	return log, err
}

// Run implements [zerolog.Hook].
func (l *logFlags) Run(e *zerolog.Event, level zerolog.Level, _ string) {
	if level < l.usual && !l.verbose.Load() {
		e.Discard()
	}
}

func (l *logFlags) toggle() {
	level := zerolog.DebugLevel
	if l.verbose.Swap(true) { // so that the line is logged
		level = l.usual
	}
	if log := l.log.Load(); log != nil {
		log.Info().Str("logLevel", level.String()).Msg("SIGUSR1: the log level is changed")
	}
	l.verbose.Store(level == zerolog.DebugLevel)
}

// toggleOnSignal toggles with each SIGUSR1 until stop is called.
func (l *logFlags) toggleOnSignal() (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer close(done)
		for range signals {
			l.toggle()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}
