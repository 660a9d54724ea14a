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

// logFlags say how to log.
type logFlags struct {
	level  string
	format string
	valve  valve
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
	l.valve.usual = level
	log := zerolog.New(writer).Level(zerolog.DebugLevel).Hook(&l.valve).With().Timestamp().Logger()
	l.valve.log.Store(&log)
	return log, err
}

// valve lets the lines through that are of the usual level, or all of them.
type valve struct {
	usual zerolog.Level
	open  atomic.Bool
	log   atomic.Pointer[zerolog.Logger] // nil before the settings are read
}

// Run implements [zerolog.Hook].
func (v *valve) Run(e *zerolog.Event, level zerolog.Level, _ string) {
	if level < v.usual && !v.open.Load() {
		e.Discard()
	}
}

// toggle opens the valve, or sets it back.
func (v *valve) toggle() {
	open := !v.open.Load()
	v.open.Store(true) // the line is to be seen
	if log := v.log.Load(); log != nil {
		level := v.usual
		if open {
			level = zerolog.DebugLevel
		}
		log.Info().Str("logLevel", level.String()).Msg("SIGUSR1: the log level is changed")
	}
	v.open.Store(open)
}

// toggleOnSignal changes between the level of the settings and debug with each
// SIGUSR1, until the function that it returns is called.
func (l *logFlags) toggleOnSignal() (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer close(done)
		for range signals {
			l.valve.toggle()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}
