// Package hold keeps every byte of the audit log that a sink still needs.
//
// It gives each file of the audit log a second hard link under held/ in the
// state directory: the open audit.log as soon as it is seen, so that its
// bytes survive rotation, prune and unlink, and every backup that was not
// seen while it was open. A link costs no space until kube-apiserver prunes
// the file, and the loop never waits for a sink.
//
// [Hold.Sync] is one pass: list the directory, link what is new, note what
// was rotated, let go of what nobody needs. The listing is the truth; what
// inotify says only makes the next pass come sooner. [Hold.Run] repeats it.
//
// # What is the same file
//
// A held link pins its inode, so a listed file with the inode of a held link
// is that segment, whatever its name is now. A backup whose name the ledger
// has is that segment too, even where its inode differs: it was archived and
// its link released, or --audit-log-compress made a .log.gz of it.
//
// # Crash points
//
// The link is made durable before the ledger has its entry. After a crash in
// between, the next start finds a link without an entry and adopts it. A
// link is removed before its entry is forgotten; a crash in between leaves an
// entry without a link that nobody owes anything for, which the next pass
// forgets.
//
// # Assumptions
//
// The state directory is in the audit directory's own mount (a hard link
// cannot cross mounts), and the process may link the files: it owns them or
// has CAP_FOWNER (protected_hardlinks). [CheckLink] finds out at start.
package hold
