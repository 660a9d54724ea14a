package cli

import (
	"bytes"
	"strings"
	"testing"
)

// SIGUSR1 logs everything, and the usual again when it comes again.
func TestToggle(t *testing.T) {
	for _, level := range []string{"debug", "info", "error"} {
		var out bytes.Buffer
		flags := logFlags{level: level, format: "json"}
		log, err := flags.logger(&out)
		must(t, err)
		said := func() string {
			defer out.Reset()
			log.Debug().Msg("detail")
			log.Error().Msg("trouble")
			child := log.With().Str("loop", "x").Logger()
			child.Debug().Msg("of a loop")
			return out.String()
		}
		usual := said()
		if strings.Contains(usual, "detail") != (level == "debug") || !strings.Contains(usual, "trouble") {
			t.Errorf("%s: %s", level, usual)
		}
		flags.toggle()
		if all := said(); !strings.Contains(all, `"logLevel":"debug"`) || !strings.Contains(all, "detail") || !strings.Contains(all, "of a loop") {
			t.Errorf("%s, everything: %s", level, all)
		}
		flags.toggle()
		if back := said(); !strings.Contains(back, `"logLevel":"`+level+`"`) || strings.Contains(back, "detail") != (level == "debug") {
			t.Errorf("%s, set back: %s", level, back)
		}
	}
}

// A signal before the settings are read is kept for them.
func TestToggleBeforeTheSettings(t *testing.T) {
	flags := logFlags{level: "info", format: "json"}
	flags.toggle()
	var out bytes.Buffer
	log, err := flags.logger(&out)
	must(t, err)
	if log.Debug().Msg("detail"); !strings.Contains(out.String(), "detail") {
		t.Error("nothing was logged")
	}
}
