package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/admin"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const runExample = `  # beside kube-apiserver: archive to S3, stream to Loki
  auditsidecar run --audit-log-path /var/log/kubernetes/audit/audit.log \
    --archive-url s3://audit-archive/audit-logs --s3-region eu-central-1 \
    --loki-url http://10.0.0.7:3100 --cluster production

  # archive what is finished to a local directory, then exit
  auditsidecar run --once --audit-log-path ./audit/audit.log --archive-url file:///srv/audit --cluster test`

func newRunCommand(version string) *cobra.Command {
	var settings config.Run
	var logs logFlags
	cmd := &cobra.Command{
		Use:        "run --audit-log-path PATH --archive-url URL --cluster NAME",
		Short:      "Archive and stream the audit log beside kube-apiserver",
		SuggestFor: []string{"start", "serve", "archive", "stream", "tail"},
		Long: `run holds every file of the audit log by a hard link, archives each finished
file as Parquet and streams the open one to Loki, until it is told to stop.

Every flag can also come from an environment variable (--archive-url is
AUDITSIDECAR_ARCHIVE_URL) or from a YAML file (archive-url: ...) named by
--config. The command line counts most, then the environment, then the file.

http://127.0.0.1:9464/ (--listen) shows how it is. SIGTERM drains both sinks;
SIGUSR1 logs at the level debug, and at the usual one when it is sent again.`,
		Example: runExample,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer limitProcessors()()
			defer logs.toggleOnSignal()()
			log, err := prepare(cmd, &settings, &logs)
			if err != nil {
				return &usageError{err}
			}
			if settings.AdminPprof {
				profileMemory()
			}
			return newSidecar(settings, config.Show(cmd.Flags()), version, log).run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	settings.Register(flags)
	logs.register(flags)
	flags.String(config.FileFlag, "", "YAML `file` with settings, named like the flags")
	return cmd
}

// prepare reads and checks all settings and reports every mistake at once.
func prepare(cmd *cobra.Command, settings *config.Run, logs *logFlags) (zerolog.Logger, error) {
	warnings, fillErr := config.Fill(cmd.Flags(), os.Environ())
	log, logErr := logs.logger(cmd.ErrOrStderr())
	// A value that does not parse leaves its default, which is valid, so that
	// no mistake hides another.
	validErr := errors.Join(settings.Validate(), validPlaces(cmd.Context(), settings))
	for _, w := range warnings {
		log.Warn().Msg(w)
	}
	return log, errors.Join(fillErr, logErr, validErr)
}

// validPlaces checks what only those who use them know to be valid; it reaches
// for neither.
func validPlaces(ctx context.Context, settings *config.Run) error {
	var errs []error
	if settings.AuditLogPath != "" {
		if _, err := rotate.ParsePath(settings.AuditLogPath); err != nil {
			errs = append(errs, fmt.Errorf("--audit-log-path: %w", err))
		}
	}
	if settings.Archive.URL != "" {
		if _, err := openBucket(ctx, settings.Archive, ""); err != nil {
			errs = append(errs, fmt.Errorf("--archive-url: %w", err))
		}
	}
	if settings.Loki.URL != "" {
		errs = append(errs, validLoki(&settings.Loki, settings.Identity))
	}
	if settings.WebConfig != "" {
		if err := admin.CheckWebConfig(settings.WebConfig); err != nil {
			errs = append(errs, fmt.Errorf("--web-config-file: %w", err))
		}
	}
	return errors.Join(append(errs, validRedaction(settings.Redact), validProof(settings.Proof))...)
}
