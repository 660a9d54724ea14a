// Package ledger is the sidecar's memory across restarts: which segments of
// the audit log it has seen, and the claims on each of them.
//
// A segment is one file of the audit log, known by the hard link that holds
// it. Two claims are on it. The archive's claim moves through the [State]s
// held, converted, stored and retired (or ends in quarantined, for an operator
// to look at); Loki's claim is there until its last line was accepted. When
// both are gone the link goes, and the entry stays for as long as the audit
// directory lists the file, so that it is never archived a second time.
//
// A change is on disk (written to a new file, fsynced, renamed, the directory
// fsynced) before the call that makes it returns. The order of work is always:
// the effect, made durable, then the ledger. A crash between the two repeats
// one step, and every step can be repeated.
//
// The ledger is a cache: the truth is in the held links and in the archive.
// A file that cannot be read as a ledger is set aside under another name,
// never deleted, and a new one begins.
//
// [Cursor] is the Loki position, in a file of its own because it changes far
// more often.
//
// # Files
//
//	ledger.go      the file: opened, checked, changed
//	entry.go       one file of the log
//	gap.go         gaps, and the chain of records
//	increment.go   increments of the open file
//	lost.go        the lines that a file lost when it became shorter
//	notice.go      decisions and readings that need a record
//	save.go        the bytes on disk
//	cursor.go      the position of the stream
package ledger
