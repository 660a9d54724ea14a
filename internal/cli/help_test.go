package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

// verbs calls do for every verb that does something, below the program itself.
func verbs(t *testing.T, do func(t *testing.T, cmd *cobra.Command, args []string)) {
	t.Helper()
	var walk func(cmd *cobra.Command, args []string)
	walk = func(cmd *cobra.Command, args []string) {
		for _, c := range cmd.Commands() {
			path := append(slices.Clone(args), c.Name())
			t.Run(strings.Join(path, " "), func(t *testing.T) { do(t, c, path) })
			walk(c, path)
		}
	}
	walk(NewRoot("v1.2.3"), nil)
}

// Every verb shows how it is called and how it ends.
func TestEveryVerbHasExamples(t *testing.T) {
	n := 0
	verbs(t, func(t *testing.T, cmd *cobra.Command, args []string) {
		n++
		out := ok(t, append(args, "--help")...).stdout
		for _, want := range []string{"Usage:\n  auditsidecar " + args[0], "Examples:\n", "auditsidecar " + strings.Join(args, " "), "Flags:\n", exitCodes} {
			if !strings.Contains(out, want) {
				t.Errorf("the help has no %q:\n%s", want, out)
			}
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("short: %q", cmd.Short)
		}
	})
	if n < 15 {
		t.Errorf("only %d verbs", n)
	}
}

// Lines of a help have at most 100 characters, in a pipe as well; flags that must be given
// come first.
func TestHelpFitsInALine(t *testing.T) {
	verbs(t, func(t *testing.T, _ *cobra.Command, args []string) {
		out := ok(t, append(args, "--help")...).stdout
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > mostColumns {
				t.Errorf("%d characters: %s", n, line)
			}
		}
		_, rest, found := strings.Cut(out, "\nRequired flags:\n")
		if found && !strings.Contains(rest, "\nFlags:\n") {
			t.Errorf("required flags do not come first:\n%s", out)
		}
	})
	for _, want := range []string{"\nRequired flags:\n      --audit-log-path", "\nLoki:\n", "\nArchive:\n", "\nRedaction:\n", "\nStatus page and log:\n"} {
		if out := ok(t, "run", "--help").stdout; !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// An unknown topic is an error, a known one is its verb's help.
func TestHelpOfAVerb(t *testing.T) {
	if got, want := ok(t, "help", "policy", "lint").stdout, ok(t, "policy", "lint", "--help").stdout; got != want {
		t.Errorf("%q", got)
	}
	call(t, "help", "frobnicate").refused(t, exitUsage, `unknown verb "frobnicate"`)
	call(t, "help", "policy", "frobnicate").refused(t, exitUsage, "frobnicate")
}

// On a terminal lines fit it.
func TestHelpFitsTheTerminal(t *testing.T) {
	cmd, _, err := NewRoot("").Find([]string{"run"})
	must(t, err)
	tty := audittest.Terminal(t)
	must(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}))
	_, flags, found := strings.Cut(helpText(cmd, terminal.Width(tty)), "\nFlags:\n")
	if !found || !strings.Contains(flags, exitCodes) {
		t.Errorf("flags: %q", flags)
	}
	for line := range strings.Lines(flags) {
		if len(strings.TrimRight(line, "\n")) > 104 { // a word may stick out
			t.Errorf("%d characters: %q", len(line), line)
		}
	}
	must(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 400}))
	if w := terminal.Width(tty); w != terminal.Widest {
		t.Errorf("width %d of a terminal of 400", w)
	}
}

func TestMistakesSuggestTheRemedy(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--archvie-url", "x"}, "did you mean --archive-url?"},
		{[]string{"run", "--archive_url", "x"}, "did you mean --archive-url?"},
		{[]string{"run", "--log-path", "x"}, "did you mean --audit-log-path?"},
		{[]string{"verify", "--keys", "x"}, "did you mean --"},
		{[]string{"lifecycle", "aply"}, "did you mean apply?"},
		{[]string{"lint"}, "did you mean policy?"},
		{[]string{"grep"}, "did you mean search?"},
		{[]string{"ddl", "athna"}, "expected one of athena"},
		{[]string{"policy", "lint"}, "Usage: auditsidecar policy lint FILE..."},
	} {
		call(t, test.args...).refused(t, exitUsage, test.want)
	}
	r := call(t, "run", "--frobnicate-the-log", "x")
	if r.refused(t, exitUsage, "--frobnicate-the-log"); strings.Contains(r.err.Error(), "did you mean") {
		t.Errorf("suggests something: %v", r.err)
	}
}

// The shells offer the values that a flag takes: another word is
// refused with a list of these.
func TestCompletionOffersWhatIsTaken(t *testing.T) {
	offered := map[string]int{}
	verbs(t, func(t *testing.T, cmd *cobra.Command, args []string) {
		for _, flag := range []string{"hold", "redact", "landlock", "loki-start", "loki-event-label", "s3-object-lock-mode", "log-level", "log-format", "output", "class"} {
			if cmd.Flags().Lookup(flag) == nil {
				continue
			}
			out := ok(t, append(append([]string{cobra.ShellCompNoDescRequestCmd}, args...), "--"+flag, "")...).stdout
			got := strings.Fields(out)
			offered[flag] += len(got) - 1 // the last is a directive
			if !slices.Equal(got[:len(got)-1], config.Words(flag)) {
				t.Errorf("--%s: offered %q", flag, got)
			}
			call(t, wrong(t, args, flag)...).refused(t, exitUsage, append([]string{"--" + flag}, config.Words(flag)...)...)
		}
	})
	for flag, n := range offered {
		if n == 0 {
			t.Errorf("--%s: nothing is offered", flag)
		}
	}
	if len(offered) != 10 {
		t.Errorf("found %v", offered)
	}
}

// wrong is a call of a verb that is right but for one flag.
func wrong(t *testing.T, args []string, flag string) []string {
	t.Helper()
	dir := t.TempDir()
	rest := map[string][]string{
		"run":             {"--audit-log-path", "/a/audit.log", "--archive-url", "s3://b/p", "--s3-region", "r", "--cluster", "c", "--loki-url", "http://127.0.0.1:1"},
		"convert":         {put(t, filepath.Join(dir, "a.log"), []byte("{}\n")), "--out", filepath.Join(dir, "a.parquet")},
		"verify":          {dir},
		"ls":              {dir},
		"search":          {dir},
		"replay":          {dir, "--loki-url", "http://127.0.0.1:1"},
		"policy lint":     {os.DevNull},
		"policy advise":   {dir},
		"redact":          {os.DevNull},
		"lifecycle print": {"s3://b/p"},
		"lifecycle check": {"s3://b/p"},
		"lifecycle apply": {"s3://b/p"},
		"version":         nil,
		"completion bash": nil,
		"lifecycle":       nil,
		"policy":          nil,
	}
	rest["doctor"] = rest["run"]
	return append(append(slices.Clone(args), rest[strings.Join(args, " ")]...), "--"+flag, "frobnicate")
}

func TestCompletionOfOtherFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--listen", ""}, ":4"},            // nothing, and no files
		{[]string{"run", "--config", ""}, "yaml\nyml\n:8"}, // files that end so
		{[]string{"run", "--state-dir", ""}, ":16"},        // directories
		{[]string{"run", "--audit-log-path", ""}, ":0"},    // files
		{[]string{"ddl", ""}, "athena\nduckdb\nspark\ntrino\n:4"},
	} {
		if out := ok(t, append([]string{cobra.ShellCompNoDescRequestCmd}, test.args...)...).stdout; strings.TrimSpace(out) != test.want {
			t.Errorf("%q: %q, want %q", test.args, out, test.want)
		}
	}
}

func TestVersionJSON(t *testing.T) {
	if out := ok(t, "version", "-o", "json").stdout; !strings.HasPrefix(out, `{"version":"v1.2.3","go":"go1.`) {
		t.Error(out)
	}
	call(t, "version", "-o", "yaml").refused(t, exitUsage, "expected text, json or wide")
}
