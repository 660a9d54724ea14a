// Package manifest writes the record of what the archive holds: one for each
// finished file of the audit log, one for each break in its continuity, one each
// hour in which nothing else happened, one for each signing key, linked into a
// chain so that a missing or changed record shows.
//
// # Records
//
// A [Record] belongs to one [Identity] (cluster, node, machine, epoch) and has
// a number there. [Encode] gives its one and only encoding: a line of JSON with
// the keys in a fixed order, those of maps sorted, no white space, no escapes
// that JSON does not ask for (but U+2028 and U+2029), times in UTC with nine
// digits after the second, what is empty left out, and a newline. [Decode]
// takes exactly that and nothing else; what a newer version may have written
// (version, kind or field unknown) is [ErrNewer], so that nobody takes a record
// for understood of which a part was skipped.
//
// # Chain
//
// Each record holds the SHA-256 of the bytes of the one sealed before it, the
// first of an epoch an empty one. Numbers are taken early, when a file appears,
// and records are sealed late, so that the links do not follow the numbers: a
// gap record 8 may come before file record 7. The links are the order; the
// numbers say which records there have to be. Every number that was taken ends
// in a record, if need be in a gap ("quarantined"), or it shows as missing.
//
// # Signatures
//
// A [Chain] with a key ([Chain.SignWith]) signs each record: Ed25519 over the
// encoding without the signature. A [KindKey] record, signed by the key that it
// names, begins the use of a key; where one key takes over from another it holds
// the consent of that one ([Endorse]). Since each record holds the hash of the
// one before it, a signature vouches for all of them.
//
// Without signatures the chain finds accidents only: somebody who can write all
// of the archive can write another chain. Signed or not, a tail that was cut off
// is found only by those who know the last hash, [Chain.Head].
//
// # Assumptions
//
//   - One process writes a directory: the caller holds the lock of the state
//     directory. Several goroutines may use a [Chain].
//   - The caller keeps the head in its ledger, and does things in this order:
//     seal a record; send its bytes and have them confirmed; write into the
//     ledger that the record is stored, together with a head that is this
//     record or a later one; [Chain.Remove]. A number whose record was removed
//     is never sealed again: the ledger knows it, the chain does not.
//   - An identity is fixed for an epoch. When the cluster, the node or the
//     machine changes, a new epoch begins, and with it an empty [Head].
//   - What package durable assumes of the file system.
//
// # Guarantees
//
//   - Sealed bytes are durable before [Chain.Seal] returns and never change.
//     Sealing the same record again gives those bytes, not new ones.
//   - Whatever the crash point, [Open] finds an unbroken chain: the record is
//     there or it is not. A record whose name was on disk although Seal returned
//     an error is part of the chain; the next call of Seal sees it first, so that
//     no second record takes its place.
//   - Records leave from the oldest to the newest, so that what is left always
//     joins the head in the ledger.
//
// # When the directory is damaged
//
// Published files are whole, so a sealed file of the current epoch that cannot
// be read, is another's, or does not join the head, was damaged or edited, or
// the ledger is an older one. Open then returns [*BrokenError] and touches
// nothing: a record that was perhaps stored already can neither be made again
// (its time is part of it) nor left out without a fork. The caller begins a new
// epoch and records the gap "state_lost", as for a lost ledger.
//
// Files of other epochs are no reason to stop. They are listed by
// [Chain.Leftovers]: whole records, which are stored if the archive has the
// objects they name, and unreadable ones, which are set aside. Files of other
// names are left alone.
package manifest
