// Package manifests holds the files deployed beside the binary. The files are for
// people to copy (docs/install.md); files that verbs print are embedded here, so that
// there is one of each.
package manifests

import (
	"embed"
	"io/fs"
)

// AuditPolicy returns audit-policy.yaml, the audit policy for kube-apiserver.
func AuditPolicy() []byte { return []byte(auditPolicy) }

//go:embed audit-policy.yaml
var auditPolicy string

// Detections returns detections/, the source of the rules in every form.
func Detections() (fs.FS, error) { return fs.Sub(detections, "detections") }

//go:embed detections/*.yaml
var detections embed.FS

// Queries returns queries/, the investigations in SQL.
func Queries() (fs.FS, error) { return fs.Sub(queries, "queries") }

//go:embed queries/*.sql
var queries embed.FS
