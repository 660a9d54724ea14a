// Package verify proves the content of an archive, or reports each fault:
// the tree of records of every node, the objects that the records name, and,
// if asked, that every file restores to the bytes that were read.
//
// # Checks
//
//   - The tree: numbers from 1 without a hole, and the root of each checkpoint is that
//     of the tree with the records so far. A record that was changed, removed, inserted,
//     replaced by an older one or moved to another name is a finding for its number;
//     records after it are not proven until the tree has a power of two leaves.
//   - Signatures, with the keys that were given, or else with the first key of
//     each tree and those that it handed over to.
//   - Times, which do not run backwards.
//   - The end of the tree: nothing that is in the archive proves that the last
//     records were not cut off. They must reach the time Options.To, less two
//     heartbeats, and contain the records Options.ExpectHeads, which are from a
//     place out of the attacker's reach (a log, a metric, a report of before).
//   - Objects: there, of the size and SHA-256 that the record says; the store's
//     own checksum counts without a download. An object that no record names is a
//     finding, unless it is younger than two heartbeats, has a number that the newest
//     epoch can give next, and has the content that its key says: such a file is not recorded yet.
//   - With Options.Deep each file is restored; its SHA-256, its Merkle root and
//     the beginnings that heartbeats saw must be the recorded ones.
//     Increments of files without a record, below open/, must join, and begin
//     as heartbeats saw the file; later bytes are reported as unproven.
//   - An archive without any record (made by convert) is read and never OK.
//   - Where heartbeats have kube-apiserver's counters, the number of lines.
//
// A finding says which object or record, which lines and which time cannot be
// trusted. Gaps that were recorded are no findings, because these bytes are
// truly missing; only bytes that were changed under the sidecar
// ("edited") are.
//
// # State
//
// With Options.State, the state of an earlier run, only newer records are read: they must
// continue the trees that were trusted then (docs/spec/state.md).
//
// # Rollups
//
// The rollup of a day must be the sum of its records. It has the leaf hash of a record
// that is missing or changed, so that those after it are proven. With Options.From,
// Options.To and Options.Rollups the rollups of other days stand for their records,
// which are not read (docs/spec/rollup.md).
//
// # Limits
//
// Nothing joins two trees of a node: each after the first is a finding, unless
// Options.Accept names it.
//
// # Assumptions
//
// SHA-256 has no collisions and Ed25519 no forgeries. The archive does not
// change while it is read, but may grow. Records are read some at a time; the state kept
// is some hundred bytes for each record and object, at most 10,000 findings, and the memory of one restore for each worker.
//
// # Files
//
//	verify.go      Options and Run: the order of the checks
//	load.go        logs, trees, epochs, records; reading them
//	log.go         trees, epochs and numbers of a log
//	state.go       the state file
//	days.go        rollups, and days whose records are not read
//	tree.go        the records of one tree: copies, roots, signatures, times
//	cover.go       time without a record, the expected head, the observations of heartbeats
//	keys.go        files of trusted keys
//	counts.go      kube-apiserver's own counters
//	objects.go     the objects of the files
//	dates.go       which days below data/ and open/ are listed
//	versions.go    versions that a bucket hides
//	deep.go        restoring and hashing files
//	increments.go  files without a record
//	event.go       Prove: one line and its inclusion proof
//	finding.go, report.go, text.go  the report
package verify
