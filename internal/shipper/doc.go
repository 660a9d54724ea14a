// Package shipper brings finished segments into the archive.
//
// [Shipper.Sync] is one pass over the finished segments, oldest first. A
// segment goes through the states of the ledger, one durable effect before
// each of them:
//
//	held       ── convert to Parquet files under work/, check them ──►  converted
//	converted  ── store every object, confirmed by the archive ──────►  stored
//	stored     ── remove the work files ─────────────────────────────►  retired
//
// A crash repeats at most the step that was under way. Converting again makes
// the same objects, because the segment keeps its number and the conversion
// is deterministic; storing again sends the bytes of the kept work files, and
// the archive takes the same bytes under the same key for success.
//
// A segment that cannot be converted at all (a .gz that is cut short or grows
// beyond every bound) is quarantined: it stays held, with the reason, and the
// segments after it go on. Everything else that fails, the disk or the
// archive, ends the pass; the next one goes on at the same step.
package shipper
