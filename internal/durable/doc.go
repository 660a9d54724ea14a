// Package durable is the one place that writes state: every file of ours that
// must survive a crash is created, replaced, linked, renamed and removed here,
// and nowhere else in the tree.
//
// # Assumptions
//
//   - The file system is POSIX: rename(2) and link(2) are atomic, rename
//     replaces its target in one step, link never replaces anything.
//   - Written bytes survive a power failure once fsync(2) of the file returned
//     without an error; a name (created, renamed, linked, removed) survives once
//     fsync of its directory did. The two are independent and both are needed.
//   - After an fsync that failed with EIO the kernel may have thrown the dirty
//     pages away and marked them clean: a second fsync that succeeds proves
//     nothing. [IsFatal] recognises this error; the process has to end, and the
//     recovery at the next start reads the real state of the disk.
//   - A full disk ([IsDiskFull]) is no damage: the same call may be repeated,
//     since every call starts with a new temporary file.
//   - File systems without fsync of directories (it answers EINVAL or ENOTSUP)
//     order names in their own way; there is nothing more to ask of them, so the
//     answer counts as success. EINVAL from fsync of a file remains an error.
//   - One process writes one path at a time. [Lock] keeps other processes off
//     a whole state directory.
//
// # Guarantees
//
// A call that returned nil is durable: the effect is there after any crash. A
// call that returned an error, or never returned, has left one of the states
// below, never a half-written file under the final name.
//
// [FS.WriteFile] (temporary file in the same directory, write, fsync, close, rename,
// fsync directory):
//
//	crash after       the path holds           also left behind
//	create temp       old content or nothing   empty temporary file, or nothing
//	write, fsync      old content or nothing   temporary file, perhaps torn
//	rename            old or new content       temporary file, if old
//	fsync directory   new content              nothing
//
// [FS.Publish] (the same, but link instead of rename, then remove the temporary
// file): as above with "nothing" for the old content. When the path exists the
// call fails with [io/fs.ErrExist] and the existing file is untouched.
//
// [FS.Rename], [FS.Remove], and [FS.Link] with [FS.SyncDir] after it, are followed by the
// fsync of the directories concerned: before that fsync a crash leaves either the old names or the new
// ones. A rename between two directories may leave both names or (on file
// systems without a journal) neither; use it within one directory.
//
// [FS.MkdirAll] fsyncs the parent of each directory it makes, outermost first:
// a crash leaves a prefix of the path.
//
// Temporary files of an interrupted call are hidden (".name.*.tmp", see
// [IsTemp]); [FS.RemoveTemps] clears a directory of them and belongs after
// [Lock].
//
// # Crash injection
//
// A test replaces [OS] by OS().WithHook(h). The hook sees every effect before
// it is applied and decides whether to apply it and what to return, so "crash
// after effect k" is a hook that counts, applies the first k effects and answers
// an error to all that follow: package durabletest has it, and one that
// also takes back unsynced effects, as a power failure may.
//
// # Files
//
//	fs.go        FS and its operations
//	file.go      a temporary file that becomes a file
//	append.go    an append that is complete or not there
//	copy.go      a copy of a file's first bytes
//	private.go   directories for this user alone
//	lock.go      the lock of a directory
//	space.go     free space
//	hook.go      the place where tests inject faults
//	errors.go    which errors end the process
package durable
