// Package replay brings lines of the archive into Loki, as a stream of their own.
//
// A [Loki] pushes the lines that package search selects with the labels job="audit-replay"
// and replay=ID, next to cluster
// and node, so that they are not taken for current events and a replay can be
// queried, and deleted, by itself. Its lines are redacted and shrunk as those of
// run are. Pushing the same replay twice shows each line once.
//
// Loki refuses lines that are older than its limits say. The first line goes
// alone: when Loki refuses it for its age, the replay ends before anything else
// is sent, with the setting to raise.
package replay
