package main

import "strings"

// next are commands to try on the kept files, with paths as the user gave them.
func next(dir string) string {
	return strings.ReplaceAll(`
DIR keeps log, archive and key. Next, for example:

  export PATH="$PWD/bin:$PATH"
  auditsidecar ls DIR/archive
  auditsidecar search DIR/archive --resource secrets --verb get | tail -3
  auditsidecar restore DIR/archive | cmp - <(cat DIR/audit/audit-*.log) && echo identical
  auditsidecar verify DIR/archive --key DIR/signing.key.vkey --deep

In SQL, with DuckDB (pip install duckdb-cli):

  auditsidecar query DIR/archive "SELECT verb, count(*) AS events FROM audit.audit GROUP BY verb"
  duckdb -c "SELECT user_name, count(*) AS reads FROM 'DIR/archive/data/**/*.parquet' WHERE object_resource = 'secrets' GROUP BY 1"
`, "DIR", dir)
}
