// Package sidecar implements the verb run: it opens the state directory and
// runs the loops that hold the files of the audit log, archive the finished ones
// and stream the open one, until it is stopped or, with --once, once through.
// No loop waits for another.
//
//	s, err := sidecar.New(ctx, sidecar.Config{Settings: settings, Log: log})
//	...
//	err = s.Run(ctx)
//
// # Files
//
//	sidecar.go  New validates, Run works; wiring of the loops
//	serve.go    starts the loops in order, stops them in order, drains
//	once.go     --once: one pass of each loop, with retries
//	state.go    opens and locks the state directory
//	events.go   reports of the loops, logged and counted
//	store.go    the archive as the shipper sees it; find.go looks into it
//	status.go   the status page; lag.go and gaps.go have its figures
//	intake.go   whether lines arrive
//	loki.go     the stream's settings
//	proof.go    the signing key, and kube-apiserver's counters
//	redact.go   the redaction of both paths
//	setup.go    policy, flags and versions for the chain
//	confine.go  Landlock
package sidecar
