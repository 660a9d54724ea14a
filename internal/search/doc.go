// Package search finds lines of the audit log: in an archive, in objects, in log files, and
// in the directory that kube-apiserver writes to.
//
// A [Selection] says which lines. In an archive it decides the objects to read: those of
// the days, of these the files that were written in the time, of these the pages that can
// have a line. Nothing is downloaded whole.
//
// # Rules
//
//   - A file is left out if it was rotated before the time, or if the file before it in its
//     epoch was rotated after the time. Both have [slack], and a file whose rotation is not
//     after that of the file before it is read: its node's clock was set back.
//   - A line without a time passes From and To: it has one of the file's times, and its own
//     is not known.
//   - Objects count as in package catalog: those that the file's record names; others are
//     left out and counted, unless Config.Unrecorded is set. The record is read once an
//     object has a line that matches. Of a file just above the last record of its epoch,
//     which has no record yet, a note takes the place of the error. An increment counts
//     until an object of the finished file counts.
//   - Lines come file by file in the order of rotation, those of a file in their order.
//   - Objects that records name and that are not there are not looked for: verify does.
//
// # Files
//
//	selection.go  which lines; lines.go  bytes to lines
//	print.go      a line as it is shown
//	list.go       the objects of a time; archive.go  their lines; recorded.go  their records
//	files.go      log files, also while they are written
package search
