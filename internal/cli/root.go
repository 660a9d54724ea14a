// Package cli has the verbs of the program, one file each, named after the verb.
// A verb parses flags, calls a package, and prints.
//
// # Files
//
//	root.go        Main: the root command, exit codes, memory
//	help.go        help texts, groups of flags, completion
//	inout.go       -o, files that are written once, escaped output; a source given as URL or path
//	run.go         run: the sidecar
//	doctor.go      doctor
//	status.go      status
//	convert.go     convert
//	restore.go     restore
//	replay.go      replay
//	search.go      search, and the flags that select events
//	ls.go          ls
//	verify.go      verify
//	evidence.go    evidence
//	query.go       query
//	ddl.go         ddl
//	redact.go      redact
//	policy.go      policy print, policy lint, policy advise
//	rules.go       rules print, rules check
//	lifecycle.go   lifecycle
//	keygen.go      keygen
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

// The exit codes of every verb.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3 // the check was made, and found something
)

// errFindings is how a verb that checks something ends when it has reported
// the findings: with an exit code of its own and no further message.
var errFindings = errors.New("there are findings")

// usageError is a mistake in how the program was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage) && !errors.Is(err, fs.ErrNotExist): // a mistyped path is not wrong usage
		return exitUsage
	case errors.Is(err, errFindings):
		return exitFindings
	}
	return exitFailed
}

// Main runs the program with the arguments of the process and returns its exit
// code. The first signal ends the verb in order, the second one kills.
func Main(version string) int {
	limitMemory(verbMemory)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := newRoot(version, true).ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errFindings) {
		fmt.Fprintln(os.Stderr, "auditsidecar:", err)
	}
	return exitCode(err)
}

// memoryLimit is the limit of the Go runtime's own memory in run.
// The resident memory of the process is to stay below 64 MiB. The mapped parts
// of the program are some 22 MiB of that, and a long line, which is held whole
// once, may take the heap a little beyond the limit.
const memoryLimit = 36 << 20

// gcPercent is how much the heap may grow before garbage is collected, as far
// as the limit lets it. The stream needs some 3 MiB and makes little garbage but
// its pushes: to collect it each time the heap has doubled took 5 % of its CPU
// time.
const gcPercent = 200

// verbMemory is the limit of the verbs but run: they do not work all day beside
// kube-apiserver, and to collect garbage for 36 MiB takes convert and verify much of their time.
const verbMemory = 192 << 20

// limitMemory sets the limit and gcPercent, unless the environment has set them, and
// keeps the runtime from noting who allocates.
func limitMemory(limit int64) {
	runtime.MemProfileRate = 0
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// limitProcessors keeps run to one core at a time, unless the environment says
// otherwise: the others are kube-apiserver's and etcd's, and one is enough for
// more than 50 MB of log a second. It also saves a tenth of
// the CPU time, which the runtime's threads took to wake and to wait for each
// other.
func limitProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

// profileMemory has the runtime note who allocates from now on, a sample every
// 512 KiB, for --admin-pprof.
func profileMemory() { runtime.MemProfileRate = 512 << 10 }

// NewRoot builds the command with all its verbs, for a process that runs other
// code too.
func NewRoot(version string) *cobra.Command { return newRoot(version, false) }

func newRoot(version string, process bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "auditsidecar",
		Short: "The audit log of a Kubernetes API server: complete, provable and searchable",
		Long: `auditsidecar runs beside kube-apiserver, archives its audit log as Parquet,
byte for byte, and streams it to Loki. It reads files and never writes to
kube-apiserver's own.

Reports are coloured on a terminal only, and not with NO_COLOR set.

` + exitCodes,
		Example: `  auditsidecar run --help
  auditsidecar doctor --config /etc/kubernetes/auditsidecar/config.yaml
  auditsidecar verify s3://audit-archive/audit-logs --s3-region eu-central-1`,
		Version:           version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Args:              noVerb,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("auditsidecar {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w%s\nSee '%s --help'", err, likeFlag(cmd, err), cmd.CommandPath())}
	})
	root.AddCommand(
		newRunCommand(version, process),
		newConvertCommand(version),
		newRestoreCommand(),
		newVerifyCommand(version),
		newEvidenceCommand(version),
		newKeygenCommand(),
		newLsCommand(),
		newSearchCommand(),
		newReplayCommand(version),
		newQueryCommand(),
		newDDLCommand(),
		newLifecycleCommand(),
		newPolicyCommand(),
		newRulesCommand(time.Now),
		newRedactCommand(),
		newDoctorCommand(),
		newStatusCommand(),
		newVersionCommand(version),
	)
	root.SetHelpCommand(newHelpCommand())
	completeFlags(root)
	showHelp(root)
	return root
}

// likeFlag names the flags that were probably meant by an unknown one.
func likeFlag(cmd *cobra.Command, err error) string {
	missing, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || missing.GetSpecifiedShortnames() != "" {
		return ""
	}
	return config.Suggest(cmd.Flags(), missing.GetSpecifiedName(), "--", func(*pflag.Flag) bool { return true })
}

// noVerb is what happens to a word that is no verb.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	hint := ""
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", strings.Join(like, " or "))
	}
	return &usageError{fmt.Errorf("unknown verb %q%s\nSee '%s --help'", args[0], hint, cmd.CommandPath())}
}

// usageArgs turns a mistake in the arguments into a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w\nUsage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// build is the output of `version -o json`.
type build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersionCommand(version string) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  auditsidecar version
  auditsidecar version -o json | jq -r .version`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(output); err != nil {
				return err
			}
			b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
			if output == formatJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(b)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "auditsidecar %s (%s, %s/%s)\n", b.Version, b.Go, b.OS, b.Arch)
			return err
		},
	}
	registerFormat(cmd.Flags(), &output)
	return cmd
}
