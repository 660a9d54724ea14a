// Package apiserver asks kube-apiserver how many audit events it has written.
//
// kube-apiserver counts each audit event just before it writes it
// (apiserver_audit_event_total) and each failure to write one
// (apiserver_audit_error_total), in k8s.io/apiserver/pkg/audit/metrics.go. The
// difference to the lines of the log is a check of completeness that does not
// depend on this program.
//
// The answer of a busy kube-apiserver has megabytes. It is read line by line,
// so that memory is constant.
package apiserver
