// Package hold keeps every byte of the audit log that a sink still needs.
//
// Unless configured to make copies, it gives each file of the audit log a
// second hard link under held/ in the state directory: the open audit.log as
// soon as it is seen, so that its bytes survive rotation, prune and unlink,
// and every backup that was not seen while it was open. A link costs no space
// until kube-apiserver prunes the file, and the loop never waits for a sink.
//
// [Hold.Sync] is one pass: list the directory, link new files, note rotated
// ones, let go of unneeded ones. The listing is the truth,
// an inotify event only makes the next pass come sooner. [Hold.Run] repeats it.
//
// # Identity of a file
//
// A held link pins its inode, so a listed file with the inode of a held link
// is that segment, whatever its name is now. A backup whose name the ledger
// has is that segment too, even where its inode differs: it was archived and
// its link released, or --audit-log-compress made a .log.gz of it. So is a .log.gz
// that unpacks to at least the bytes that were seen of a segment whose link is gone.
//
// # Order
//
// Links are numbered in the order of rotation. If the ledger is lost, or an older
// one is put back, a listed file without an entry gets a number before the next
// one whose link is adopted, if one is free. Continuity compares a file with the one
// before it by number, and with the one listed before it as well: a number may be lost,
// and the names have no order after a clock was set back.
//
// # Copies
//
// Where files cannot be linked (the state directory is on another mount, the
// audit directory is mounted read-only, or kube-apiserver runs as another
// user) [Config.Copy] has finished files copied into held/ instead, each
// durable under its name before the ledger says that the segment is finished.
// The open file stays where it is and is kept open, so that its bytes can
// still be copied when it was rotated and pruned, or unlinked, before anyone
// looked. Copies take disk from the start, so a backup is copied only while
// the budget has room, and waits in the audit directory otherwise.
//
// A link keeps bytes over the end of the process and a descriptor does not.
// So copies cannot promise:
//
//   - A file that was not copied yet when the process ended, and was rotated
//     and pruned, or unlinked, before the next one looked, is lost.
//   - A backup that waited for room, or was never seen, and was pruned, is lost.
//   - Bytes that kube-apiserver writes to an audit.log that was replaced under it, after
//     that was copied, are lost. The file stays open until a later one is written to,
//     so that these bytes are a gap ("replaced").
//   - An audit.log that was unlinked under its writer is lost from then on if
//     the process ends before kube-apiserver makes a new one.
//
// Each such loss is a gap that is recorded ("vanished", or "pruned" where not
// even the name was seen), with its known size.
//
// Without a link nothing pins the inode number of a file that is not open
// here. After a restart such a file is a known segment only when it was also
// created at the same time, or, where the file system does not say when that
// was, begins with the same bytes. Segments and Path name the file in the
// audit directory until it is copied; a reader has to check the inode.
//
// A run with links takes over from one with copies, and the other way round.
//
// # Crash points
//
// The links of a pass are made durable before the ledger has their entries. After a crash in
// between, the next start finds a link without an entry and adopts it. A
// link is removed before its entry is forgotten; a crash in between leaves an
// entry without a link without a claim, which the next pass
// forgets. A copy is durable before its entry says that it is finished; after
// a crash in between it is taken as it is.
//
// # Assumptions
//
// For links: the state directory is in the audit directory's own mount (a hard
// link cannot cross mounts), and the process may link the files: it owns them
// or has CAP_FOWNER (protected_hardlinks). [CheckLink] finds out at start. For
// copies: the process may read the files ([CheckCopy]).
//
// # Files
//
// hold.go has the loop, pass.go one pass from top to bottom. Its steps are in
// link.go (new files), finish.go (rotated and vanished ones), openfile.go (files that
// may still grow), continuity.go (is anything missing between two?), budget.go
// (the disk) and recover.go (links and ledger apart). keep.go and copy.go keep
// the bytes; check.go finds out at the start whether they can. base.go is common to both,
// id.go has the names of links, mark.go a file's first and last bytes, birth_*.go when it
// was created. unknown.go names files that are not the log's, metrics.go has the metrics.
package hold
