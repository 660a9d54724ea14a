package config

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestValidateRedact(t *testing.T) {
	for _, test := range []struct {
		redact Redact
		want   string // "" = valid
	}{
		{Redact{Mode: "loki"}, ""},
		{Redact{Mode: "archive", RulesFile: "r", KeyFile: "k"}, ""},
		{Redact{Mode: "off"}, ""},
		{Redact{}, "expected loki, archive or off"},
		{Redact{Mode: "Loki"}, "expected loki, archive or off"},
		{Redact{Mode: "off", RulesFile: "r"}, `--redact-rules "r" has no meaning`},
		{Redact{Mode: "off", KeyFile: "k"}, `--redact-key-file "k" has no meaning`},
	} {
		r := valid()
		r.Redact = test.redact
		err := r.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v", test.redact, err)
		}
	}
}

// It is the default.
func TestRedactByDefault(t *testing.T) {
	var r Run
	r.Register(pflag.NewFlagSet("run", pflag.ContinueOnError))
	if r.Redact.Mode != RedactLoki {
		t.Errorf("the default is %q", r.Redact.Mode)
	}
}
