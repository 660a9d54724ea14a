// Package live streams the audit log to Loki, line by line, as it is written.
//
// It reads the held segments in order and makes of each line T(line) =
// shrink(redact(line)), the identity where neither has anything to do, with a
// timestamp and structured metadata. Lines are collected in batches, one for
// each stream (there is one stream, unless labels come from the events), which
// are delivered when they are full or when their first line has waited long
// enough. Up to four deliveries are under way at once; when all places are
// taken, nothing is read. An outage of Loki causes only a delay: the
// lines are in held files, and memory has no more than these batches.
//
// # Order
//
// The cursor is the place of the lowest byte that was neither accepted nor
// refused (I6). It is moved after a delivery, never before, and written at most
// once a second, because a cursor that is behind costs only lines sent twice.
// Sent again, a line is the same entry to the last byte, whatever batch it is
// in, and Loki hides it. Before Loki's claim on a segment is released the
// cursor is on disk beyond it.
//
// Loki takes entries in any order within an hour of the newest one of their
// stream. So the bytes in flight, together with those that a crash would send again,
// cover half an hour of the log at most: batches that would reach further wait
// until the cursor on disk has moved. In a busy log this never happens; in the
// backlog of a quiet one it keeps Loki from refusing lines.
//
// # Lines that do not arrive
//
// A line that Loki refuses for good is passed over: it is counted by reason
// and it is in the archive. So is a line outside of the time that Loki takes
// ([Window]), without being sent. A line that is a little ahead of the clock
// waits. A break in the log (a truncated or a missing file) is counted
// and noted, and reading resumes after it.
//
// # Files
//
// live.go has the path: read, transform, batch, send, settle, write the cursor.
// line.go transforms, streams.go finds the stream, batch.go and queue.go have
// batches in flight, position.go the part that Loki has. start.go chooses
// where a log begins, break.go handles breaks, window.go has the times that Loki takes,
// hole.go removes runs of NUL bytes, metrics.go has the metrics.
package live
