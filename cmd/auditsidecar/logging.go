package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"
)

// logFlags say how to log.
type logFlags struct {
	level  string
	format string
}

func (l *logFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&l.level, "log-level", "info", "least severity to log: `debug|info|warn|error`")
	flags.StringVar(&l.format, "log-format", "auto", "`auto|console|json`; auto is console on a terminal, json elsewhere")
}

// logger checks the flags and returns a logger to out.
func (l *logFlags) logger(out io.Writer) (zerolog.Logger, error) {
	level, levelErr := zerolog.ParseLevel(l.level)
	if l.level == "" || (levelErr == nil && (level < zerolog.DebugLevel || level > zerolog.ErrorLevel)) {
		levelErr = errors.New("no such level")
	}
	if levelErr != nil {
		levelErr = fmt.Errorf("--log-level %q: expected debug, info, warn or error", l.level)
	}
	var formatErr error
	writer := out
	console := zerolog.ConsoleWriter{Out: out, TimeFormat: time.TimeOnly, NoColor: !bool(newPaint(out))}
	switch l.format {
	case "json":
	case "console":
		writer = console
	case "auto":
		if isTerminal(out) {
			writer = console
		}
	default:
		formatErr = fmt.Errorf("--log-format %q: expected json, console or auto", l.format)
	}
	return zerolog.New(writer).Level(level).With().Timestamp().Logger(), errors.Join(levelErr, formatErr)
}
