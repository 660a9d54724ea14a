package config

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// A value that does not parse is one mistake, not two.
func TestFillKeepsTheDefaultOfAMistake(t *testing.T) {
	var r Run
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	r.Register(flags)
	_, err := Fill(flags, []string{"AUDITSIDECAR_RESCAN_INTERVAL=soon"})
	if err == nil || r.RescanInterval != 5*time.Second {
		t.Errorf("rescan-interval %s, error %v", r.RescanInterval, err)
	}
	if text := r.Validate().Error(); strings.Contains(text, "rescan-interval") || !strings.Contains(text, "cluster") {
		t.Errorf("then it is validated as %q", text)
	}
}
