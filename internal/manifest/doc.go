// Package manifest writes the records of the archive's content: one for each
// finished file of the audit log, one for each break in its continuity, one each
// hour in which nothing else happened, one for each signing key and for each change of
// the settings that the log is written with, leaves of one tree per node, so that a missing or changed record shows.
//
// # Records
//
// A [Record] belongs to one [Identity] (cluster, node, machine, epoch). [Encode]
// gives its one and only encoding: a line of JSON with
// the keys in a fixed order, those of maps sorted, no white space, no escapes
// that JSON does not ask for (but U+2028 and U+2029), times in UTC with nine
// digits after the second, empty members left out, and a newline. [Decode]
// takes exactly that and nothing else; if a newer version may have written it
// (version, kind or field unknown) the error is [ErrNewer], so that no record is
// taken for understood of which a part was skipped. docs/spec/record.md is the format.
//
// # Tree
//
// The records of a (cluster, node) are the leaves of one RFC 6962 tree, in the order
// in which they were sealed: record n is the leaf n. A leaf is the encoding without the
// checkpoint. The checkpoint of record n is the C2SP checkpoint of the tree with n leaves,
// with the origin [Origin]; in a signed note, if the node has a key. A seq is taken
// early, when a file appears, and sealed late, so seqs do not follow the numbers.
// Every seq that was taken ends in a record, if need be in a gap ("quarantined").
//
// An epoch continues the tree: [Chain.Join]. Where neither the leaves on this disk nor
// the archive have it, another tree begins ([Chain.Begin]) and its first record says why.
//
// # Keys
//
// A [SigningKey] has the name of its node ([KeyName]) and signs its checkpoints alone.
// A [KindKey] record, signed by the key that it names, begins the use of
// a key; where one key takes over from another it holds the [Handover] by that one.
// [Trust] follows the keys from record to record.
//
// Without signatures the tree finds accidents only: who can write all
// of the archive can write another tree. Signed or not, a tail that was cut off
// is found only by those who know a later root, [Chain.Head].
//
// # Assumptions
//
//   - One process writes a directory: the caller holds the lock of the state
//     directory. Several goroutines may use a [Chain].
//   - The caller keeps the head in its ledger, and does things in this order:
//     seal a record; send its bytes and have them confirmed; [Chain.Keep] its leaf; write
//     the head into the ledger; [Chain.Remove]. A seq whose record was removed
//     is never sealed again: the ledger knows it, the chain does not.
//   - An identity is fixed for an epoch. When the cluster, the node or the
//     machine changes, a new epoch begins.
//   - The assumptions of package durable about the file system.
//
// # Guarantees
//
//   - Sealed bytes are durable before [Chain.Seal] returns and never change.
//     Sealing the same record again gives those bytes, not new ones.
//   - Whatever the crash point, [Open] finds one tree: the record is
//     there or it is not. A record whose name was on disk although Seal returned
//     an error is part of it; the next call of Seal sees it first, so that
//     no second record takes its number.
//   - The leaves up to the head in the ledger are whole; those behind it do not count.
//   - Records leave from the oldest to the newest.
//
// # When the directory is damaged
//
// Published files are whole, so a sealed file that cannot
// be read, or does not follow the head, was damaged or edited, or
// the ledger is an older one. Open then returns [*BrokenError] and touches
// nothing: a record that was perhaps stored already can neither be made again
// (its time is part of it) nor left out without a fork. The caller begins a new
// epoch and records the gap "state_lost", as for a lost ledger. Leaves that are not
// those of the head are no error: the chain is not [Chain.Joined] until they were made
// again.
//
// Records of other nodes and of earlier trees are no reason to stop: [Chain.Leftovers]
// has them, to be stored. Files of other names are left alone.
//
// # Files
//
//	record.go, heartbeat.go, setup.go, gap.go, stamp.go  the record
//	check.go, encode.go  its fields and its encoding
//	tree.go, checkpoint.go  the tree and its checkpoints
//	rollup.go  the sum of a day's records
//	keyfile.go, trust.go  keys, and which of them may sign
//	chain.go, load.go, leaves.go  sealing on disk, opening, joining
//	errors.go  records on disk that are broken
package manifest
