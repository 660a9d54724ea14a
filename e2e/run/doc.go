// Package run drives the auditsidecar binary as a process against a writer
// that rotates as kube-apiserver does, a receiver that speaks Loki's push API,
// and (for s3://) a real S3 server, and compares the result with the
// writer's own account, byte for byte. The suites have the build tag e2e; run
// them with `make e2e-run`.
//
// E2E_BINARY names the binary; without it the suite builds one.
package run
