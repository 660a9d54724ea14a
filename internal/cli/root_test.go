package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	if out := ok(t, "version").stdout; !strings.HasPrefix(out, "auditsidecar v1.2.3 (go") {
		t.Errorf("version: %q", out)
	}
	if out := ok(t, "--version").stdout; out != "auditsidecar v1.2.3\n" {
		t.Errorf("--version: %q", out)
	}
	call(t, "version", "now").refused(t, exitUsage, "now", "Usage: auditsidecar version")
}

// Without a verb the program lists its verbs; each verb says how it is used.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		out := ok(t, args...).stdout
		for _, verb := range []string{"run", "convert", "restore", "policy", "doctor", "version"} {
			if !strings.Contains(out, "\n  "+verb+" ") {
				t.Errorf("%q does not list %s:\n%s", args, verb, out)
			}
		}
	}
	for _, verb := range []string{"run", "convert", "restore"} {
		if out := ok(t, verb, "--help").stdout; !strings.Contains(out, "Examples:\n") || !strings.Contains(out, "Flags:\n") {
			t.Errorf("%s --help:\n%s", verb, out)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"unknown verb", []string{"frobnicate"}, []string{`unknown verb "frobnicate"`, "auditsidecar --help"}},
		{"misspelled verb", []string{"covnert"}, []string{`unknown verb "covnert"; did you mean convert?`}},
		{"unknown flag", []string{"run", "--archiveurl", "x"}, []string{"--archiveurl", "See 'auditsidecar run --help'"}},
		{"unknown flag of the program", []string{"--frobnicate"}, []string{"--frobnicate", "See 'auditsidecar --help'"}},
		{"a flag without its value", []string{"convert", "a.log", "--out"}, []string{"--out"}},
		{"a flag with a bad value", []string{"run", "--rescan-interval", "5"}, []string{"--rescan-interval", "unit"}},
		{"run with an argument", []string{"run", "audit.log"}, []string{"audit.log"}},
		{"convert without arguments", []string{"convert"}, []string{"at least 1", "FILE"}},
		{"restore without arguments", []string{"restore"}, []string{"at least 1", "PATH"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := call(t, test.args...)
			r.refused(t, exitUsage, test.wants...)
			if r.stdout != "" || r.stderr != "" {
				t.Errorf("prints %q and %q beside the error", r.stdout, r.stderr)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	if got := exitCode(nil); got != 0 {
		t.Errorf("done: %d", got)
	}
	if got := exitCode(errStop); got != 1 {
		t.Errorf("failed: %d", got)
	}
	if got := exitCode(&usageError{errStop}); got != 2 {
		t.Errorf("usage: %d", got)
	}
	if got := exitCode(fmt.Errorf("verify: %w", errFindings)); got != 3 {
		t.Errorf("findings: %d", got)
	}
}
