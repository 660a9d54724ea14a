// Package faults is the fault suite: the real binary as a process, between a
// writer that rotates as kube-apiserver does and sinks that fail. Run it with
// `make faults`, or in a short form with `make faults-short`.
//
// Each scenario is one fault while lines are written. At its end every file
// that the writer ever wrote (it keeps hard links of them) is compared with
// the files that `auditsidecar restore` makes of the archive, byte for byte and in order,
// and every line with the entries that Loki has. A table comes out, one row for
// each scenario:
//
//   - written: complete lines that were written
//   - archived: how many of them are in the archive
//   - twice: how many lines the archive has more than once, or has though no line
//     was written
//   - Loki: how many of the written lines Loki has; a line longer than Loki
//     takes counts when its shrunk form is there
//   - distinct: entries of Loki that a query would show beyond one for each
//     line (same line, other timestamp or metadata; changed lines)
//   - resent: entries that were sent again with the same bytes, which Loki hides
//   - gaps: gaps that the manifests in the archive record
//   - MiB, fds, goroutines: the most that the process had
//
// A scenario fails on a lost line, one that is there twice or changed, a gap
// that nothing explains, and on memory, descriptors or goroutines that grow.
// Some faults destroy bytes that could not be kept: then, and only then,
// lines may be missing, and a gap of the right reason must be recorded.
//
// Assumptions: root, for the scenario that fills a disk (it mounts a small
// tmpfs); strace, which makes system calls fail; loopback; the binary in E2E_BINARY, or one that is built.
package faults
