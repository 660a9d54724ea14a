// Package detect reads the detections of manifests/detections and writes them in
// the forms in which they run: alerts for Loki's ruler, and SQL for DuckDB, Trino
// and Athena.
//
// A [Detection] has conditions over the fields of an audit event. They mean the
// same in each form, and in the evaluator of package detecttest, which needs no server: unit tests
// hold every detection against the events that must fire it and those that must
// not.
//
// # Files
//
//	source.go    the parts of a detection, and how its file is read
//	pattern.go   a test of one field, and the names that stand for many values
//	field.go     the fields, with their names in LogQL and SQL
//	logql.go     LogQL
//	sql.go       SQL
//	sigma.go     rules of Sigma
//	form.go      files for rulers and operators
//	allow.go     ordinary accounts of one's own clusters
//
// # Limits
//
// Dry runs change nothing, so no condition on a write holds for them. Only the
// request's URI makes one, and only if kube-apiserver reads it there: not for
// subresources that connect or mint a token, which ignore the parameter, and not
// for a deletion with DeleteOptions in its body, which replace the parameters
// (k8s.io/apiserver/pkg/endpoints/handlers/delete.go of Kubernetes 1.37).
package detect
