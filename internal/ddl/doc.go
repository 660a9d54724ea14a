// Package ddl writes the SQL that makes an archive a database: tables over its
// Parquet objects and its records, and views that flatten them, for Athena,
// Trino, DuckDB and Spark.
//
// # Output
//
//   - audit_events: the table of all rows of data/, with the columns of
//     columns.Columns and the partitions cluster and dt.
//   - audit: the view that people ask, one row an event, the same names and types
//     in every engine: times are timestamps in UTC without a zone, lists are text,
//     the annotations and extra attributes that matter have columns of their own.
//   - audit_records: the table of manifests/, one row a record, with the fields of
//     manifest.Record.
//   - audit_rollups: the table of the rollups in Parquet, one row a node and day, with the
//     fields of manifest.Rollup; audit_rolled_up: how far they reach; audit_new_records: the
//     records after them.
//   - audit_files, audit_gaps: views of those, one row an archived file, one row a
//     break in the log: a year reads one object a node and day. Rows of a rollup and of the
//     records that it sums up are the same, so a file that both have is one row.
//   - audit_recorded_files, audit_recorded: the files that records name, and audit
//     without the rows of others. audit_rolled_files, audit_recorded_closed: the same from
//     rollups alone.
//   - audit_open_events: the table of all rows of open/; audit_open: the events of files that
//     have no record yet, once each; audit_all: audit_recorded and audit_open.
//   - audit_ocsf, if asked for: events as API Activity of OCSF.
//
// Columns and types come from the packages that write them, so that a new one
// is in the tables too. Objects of older versions read as null in a newer column.
//
// # Differences between the engines
//
// Athena finds partitions by projection, from the clusters and the first day
// that are given: objects outside of them are not seen. Trino and Spark keep a
// list of partitions, which a statement (in the output) brings up to date. DuckDB
// lists the objects in each query. Hive's timestamps have milliseconds in Athena,
// so ranges of time are half-open (>= and <) in all our queries.
//
// # Files
//
//	render.go    the statements of one engine, from its template
//	dialect.go   how the engines spell types, names and times
//	records.go   the columns of records and rollups, from their Go types
//	options.go   what may be chosen, and its checks
//	ocsf.go      cells and objects of the view audit_ocsf
//	query.go     the shipped queries: found, filled in
package ddl
