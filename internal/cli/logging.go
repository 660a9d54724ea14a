package cli

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

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
