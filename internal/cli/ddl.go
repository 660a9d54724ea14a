package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/ddl"
)

const ddlExample = `  # tables for Athena, partitions of two clusters
  auditsidecar ddl athena --location s3://audit-archive/audit-logs --clusters production,staging

  # ask an archive with DuckDB on a laptop
  auditsidecar ddl duckdb --location /srv/audit > audit.sql
  duckdb -init audit.sql -c "SELECT user_name, verb FROM audit.audit WHERE verb = 'delete'"`

func newDDLCommand() *cobra.Command {
	var o ddl.Options
	cmd := &cobra.Command{
		Use:        "ddl {" + strings.Join(ddl.Engines(), "|") + "} --location URL",
		Short:      "Print the SQL that makes an archive a database",
		SuggestFor: []string{"sql", "tables", "schema"},
		Long: `ddl prints the statements that make tables and views of an archive: audit_events
(all rows) and audit (one row an event, nested columns flattened), audit_records
and audit_rollups (the archive's own record of what it has and has not, and the sum
of each day), audit_files, audit_gaps and audit_recorded_files over both, and
audit_recorded (the events of files that have a record).
It reads nothing and changes nothing.`,
		Example:   ddlExample,
		ValidArgs: ddl.Engines(),
		Args:      usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(ddl.Engines(), args[0]) {
				return &usageError{fmt.Errorf("unknown engine %q: expected one of %s", args[0], strings.Join(ddl.Engines(), ", "))}
			}
			if err := o.Validate(); err != nil {
				return &usageError{err}
			}
			script, err := ddl.Render(args[0], o)
			if err != nil {
				return &usageError{err}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), script)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Location, "location", "", "`URL` of the archive, as run has it: s3://bucket/prefix or file:///dir")
	flags.StringVar(&o.Database, "database", "audit", "schema for the tables; for Trino with its catalog, such as hive.audit")
	flags.StringSliceVar(&o.Clusters, "clusters", nil, "clusters whose partitions Athena projects; without any, queries must name theirs")
	flags.StringVar(&o.From, "from", "2020-01-01", "first `day` whose partitions Athena projects")
	require(flags, "location")
	return cmd
}
