// Package continuity decides whether one file of the audit log follows the
// other, or whether something is missing between them. Each question is a
// struct with the evidence for it and a method with the verdict; nothing here
// reads a file or a clock.
//
// # A file after a file
//
// A held link pins the inode of a file that was seen, so a possible loss
// is a file between two held ones that came and went unseen. It would have been
// created when the first was rotated and rotated when the second was created.
// So the second begins well after the first was rotated exactly if there was
// one ([Pair]).
//
// Four circumstances allow more time between the two without a loss:
//
//   - The first one's backup name was never seen, and the time of its last
//     write stands in for that of its rotation.
//   - The file system does not record when a file was created, and the time of
//     the first event stands in for it.
//   - Both files are large: kube-apiserver rotates by size only, so a file
//     between them would have been as large, and takes time to fill.
//   - The second file begins with the event that made kube-apiserver rotate the
//     first one: its timestamp is that of the rotation.
//
// # At first sight
//
// kube-apiserver prunes the oldest backup first and never the newest. So while
// the file before is listed, or the new one is the open file, no file between
// the two was pruned ([Sight]).
//
// # A file in place of another
//
// A writer closes a file only to rotate it. If audit.log is another file than
// before and no backup has the old one, the writer may still write to the old
// one ([Replacement], [Writer]).
//
// # Less than was seen
//
// The bytes of a file only become more ([Content]).
//
// reason.go has the reasons of gaps, those that other packages find among them.
package continuity
