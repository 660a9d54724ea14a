package cli

import (
	"errors"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/sidecar"
)

const runExample = `  # beside kube-apiserver: archive to S3, stream to Loki
  auditsidecar run --audit-log-path /var/log/kubernetes/audit/audit.log \
    --archive-url s3://audit-archive/audit-logs --s3-region eu-central-1 \
    --loki-url http://10.0.0.7:3100 --cluster production

  # archive what is finished to a local directory, then exit
  auditsidecar run --once --audit-log-path ./audit/audit.log --archive-url /srv/audit \
    --cluster test`

// newRunCommand builds the verb run. process says that the process runs nothing
// else, so that the verb may change what belongs to the whole process.
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
				limitProcessors()
			}
			defer logs.toggleOnSignal()()
			log, err := prepare(cmd, &logs)
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
			return err
		},
	}
	registerRun(cmd.Flags(), &settings, &logs)
	require(cmd.Flags(), "audit-log-path", "archive-url", "cluster")
	return cmd
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
