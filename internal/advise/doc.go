// Package advise computes the cost of an audit policy: it adds up the events of a log by the rule
// that logged each, and predicts the log of another policy, or of one more rule.
//
//	a := advise.New(policy)
//	a.Candidate = &other
//	for each line {
//		a.Add(event, line)
//	}
//	report := a.Report()
//
// The rule of an event is found as kube-apiserver finds it (k8s.io/apiserver/pkg/audit/policy of
// Kubernetes 1.37): the first that matches the request. Bytes are those of the log, newline
// included.
//
// # Limits
//
//   - Only the log is read: events that no rule logged are not known, so the cost of a
//     candidate that logs more is a lower bound (Change.Raised).
//   - A policy that changed within the log gives other rules than those that logged its
//     events; Rule.Other counts the events whose level is not that of their rule.
//
// # Files
//
//	advise.go     Advisor: events by rule
//	size.go       the bytes that an event has at a lower level
//	proposals.go  rules that save bytes, and the evidence that they lose
//	report.go     the report and its text
package advise
