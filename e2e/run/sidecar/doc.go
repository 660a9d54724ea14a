// Package sidecar runs the auditsidecar binary as a process, for the
// end-to-end suites and the demonstration: it starts `auditsidecar run` with a
// free port for --listen, reads its metrics and its readiness over HTTP, and
// ends it as kubelet does (SIGTERM) or as the kernel does (SIGKILL).
//
// The process gets a clean environment, so that neither AUDITSIDECAR_*
// variables nor cloud credentials of the caller change the result.
package sidecar
