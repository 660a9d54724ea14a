// Package parquet archives Kubernetes audit log files as Parquet objects from
// which the original files come back byte for byte.
//
// # Purpose
//
// [Convert] reads one finished audit log file, of any content at all, and
// writes one object for each UTC day it touches: typed columns that every
// Parquet reader understands, sorted so that a query about one Kubernetes
// object touches few pages. [Check] reopens the written objects and proves them.
// [Restore] writes the original file again from all its objects. [ReadMeta]
// says which file an object belongs to.
//
// A file that is still being written can be archived in parts: each source is
// then an [Increment], some complete lines of it, and [Increments] writes the
// beginning of the file from them.
//
// # How a line is kept
//
// A line is the text between two newline characters, or after the last
// one. kube-apiserver writes each event in one fixed form, so for nearly every
// line the columns alone are enough: they are encoded back to JSON at
// conversion, compared with the line, and only when a byte differs does the
// column raw hold the line as well. Lines that are no audit event at all keep
// their bytes in raw, with decode_status "undecodable". Lines that are
// damaged (torn, glued together, with a hole of NUL bytes) keep their bytes in
// raw and give every whole event that is found in them its own row:
// decode_status "salvaged", line_part 0, 1, 2 and so on. Of a long run of NUL
// bytes the row has one, see [Hole].
//
// Fields that this version does not know, in an event that otherwise has the
// fixed form, are kept as JSON text in the column unknown_fields and take part in
// encoding the line back: fields of a later kube-apiserver do not cost raw.
//
// # Assumptions
//
// The source does not change while it is converted: it is read twice, and
// [ErrSourceChanged] is returned where it has become shorter; [Check] finds
// every other change. Fsync of a
// file and of its directory make the file durable. A line is at most
// [MaxLine] bytes long.
//
// # Guarantees
//
// The same source, [Meta] and version of this package give the same bytes.
// Memory is bounded by the longest line and not by the size of the source:
// the index of lines is sorted in runs that spill to files in Config.Work.
// After an error nothing written is left behind.
//
// All string columns hold valid UTF-8; where the log does not, the column has
// U+FFFD in its place and raw has the bytes.
//
// # Files
//
//   - convert.go, emit.go: the two passes of a conversion; lines.go cuts a
//     source into lines, hole.go takes runs of NUL bytes out of it, days.go
//     splits it by day, tally.go and prefix.go count and hash
//   - restore.go: a source from its objects; increment.go: the beginning of a
//     file from parts of it
//   - check.go, linesum.go, merkle.go: the proof of the objects
//   - meta.go: the metadata of an object
//   - internal/auditline (of this module): a line as fields and back
//   - internal/rowsort: rows and lines in order, in bounded memory
//   - internal/objectfile writes an object, internal/rowread reads one,
//     internal/schema has their shared schema
package parquet
