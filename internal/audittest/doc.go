// Package audittest is the test material of auditsidecar: real kube-apiserver
// audit logs, and a writer that rotates exactly as kube-apiserver does.
//
// # The corpus
//
// The files under testdata were written by kube-apiserver v1.37. [Corpus] gives
// their content by name:
//
//   - diverse.log: many kinds of requests, users and odd shapes (2 MB)
//   - rotated.log: a finished 10 MiB backup file of ordinary traffic
//   - torn-line.log: kube-apiserver was killed in the middle of a write; the
//     next event is glued to the torn one without a newline
//   - nul-hole.log: truncated from outside while kube-apiserver wrote; the
//     truncated part reads as NUL bytes
//   - enospc.log: the disk was full; it ends within a line
//
// [GzipFile] gives a backup compressed by kube-apiserver itself
// (--audit-log-compress).
//
// # The writer
//
// [Writer] writes lines through the same lumberjack module that kube-apiserver
// uses: one write(2) for each line, rotation by close, rename, create, and then
// pruning (and compression) in the background. It keeps a hard link to every
// file that it ever wrote, outside the audit directory, so that a test can
// compare the output at the far end with the input, byte for byte, even
// after kube-apiserver's pruning would have deleted it.
//
// # Assumptions
//
// The account directory is on the same filesystem as the audit directory (hard
// links). No other process writes to the audit log. The clock does not run backwards
// while a Writer is in use.
//
// The package is for tests and for the demonstration program; nothing in the
// auditsidecar binary imports it.
//
// # Files
//
//	corpus.go     the real logs, and lines of each kind
//	lines.go      lines of the wanted times and numbers
//	forms.go      the forms of an event that kube-apiserver and others write
//	versions.go   one log of each kube-apiserver version
//	writer.go     a writer with kube-apiserver's rotation
//	account.go    which lines of a writer arrived
//	cost.go       CPU time, and `zstd -1` as its measure
//	address.go    a free address
//	helpers.go    Must, WaitFor and other small helpers
package audittest
