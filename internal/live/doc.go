// Package live streams the audit log to Loki, line by line, as it is written.
//
// It reads the held segments in order, puts each line into a batch with its
// structured metadata, and has the batch delivered when it is full or when its
// first line has waited long enough. What follows an outage of Loki is only a
// delay: the lines are in held files, nothing is queued in memory beyond one
// batch.
//
// The cursor says up to which byte everything was accepted. It is moved after
// a delivery, never before (I6), and it is written at most once a second,
// because a cursor that is behind costs only lines sent twice, with the same
// bytes, which Loki hides. Before Loki's claim on a segment is released the
// cursor is on disk beyond it.
//
// A line that Loki refuses for good is passed over: it is counted by reason
// and it is in the archive. A break in what can be read (a truncated or a
// missing file) is counted and noted, and reading goes on after it.
package live
