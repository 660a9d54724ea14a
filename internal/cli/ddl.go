package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
and audit_rollups (the archive's own record of its content and losses, and the sum
of each day), audit_files, audit_gaps and audit_recorded_files over both, and
audit_recorded (the events of files that have a record).
It changes nothing, and reads nothing but, for DuckDB, whether a directory has records.`,
		Example:   ddlExample,
		ValidArgs: ddl.Engines(),
		Args:      usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := locate(args[0], &o); err != nil {
				return err
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
	flags.StringVar(&o.Location, "location", "", "`URL` of the archive, as run has it: s3://bucket/prefix, or a directory")
	registerTables(flags, &o)
	flags.StringSliceVar(&o.Clusters, "clusters", nil, "clusters whose partitions Athena projects; without any, queries must name theirs")
	flags.StringVar(&o.From, "from", firstDay, "first `day` whose partitions Athena projects")
	flags.BoolVar(&o.OCSF, "ocsf", false, "add the view audit_ocsf: events as API Activity of OCSF 1.3.0")
	require(flags, "location")
	return cmd
}

// firstDay is the first day whose partitions Athena projects.
const firstDay = "2020-01-01"

// registerTables registers the flags of the verbs that make tables.
func registerTables(flags *pflag.FlagSet, o *ddl.Options) {
	o.From = firstDay
	flags.StringVar(&o.Database, "database", "audit", "schema for the tables; for Trino with its catalog, such as hive.audit")
	flags.BoolVar(&o.Bare, "no-records", false, "for a bucket without any record, such as a copy of the output of convert")
}

// locate validates the tables of an engine, and makes the path of a directory a URL. DuckDB
// reads it on this machine: it must be there, and has records or none.
func locate(engine string, o *ddl.Options) error {
	if !slices.Contains(ddl.Engines(), engine) {
		return &usageError{fmt.Errorf("unknown engine %q: expected one of %s", engine, strings.Join(ddl.Engines(), ", "))}
	}
	if o.Location != "" && !strings.Contains(o.Location, "://") {
		dir, err := filepath.Abs(o.Location)
		if err != nil {
			return fmt.Errorf("find the archive: %w", err)
		}
		o.Location = "file://" + dir
	}
	if err := o.Validate(); err != nil {
		return &usageError{err}
	}
	dir, ok := strings.CutPrefix(o.Location, "file://")
	if !ok || engine != "duckdb" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		return fmt.Errorf("find the archive: %w", err)
	}
	records, err := filepath.Glob(filepath.Join(dir, "manifests", "cluster=*", "node=*", "*.json"))
	o.Bare = o.Bare || len(records) == 0
	return err
}
