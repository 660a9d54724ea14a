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
// Of a damaged .gz the part that unpacks is archived, and the rest is a gap in its record.
// A segment that cannot be converted at all (a .gz of which nothing unpacks, or
// that grows beyond every bound) is quarantined: it stays held, with the reason, and
// the segments after it continue. A damaged file that is repaired is held again, and
// the part that the archive lacks is archived. Everything else that fails, the disk or the
// archive, ends the pass; the next one resumes at the same step.
//
// # The open file
//
// A quiet cluster needs hours or days to fill a file. So that a lost node
// loses little, the complete lines of the open file that are older than
// Config.MaxLag, or a quarter of it if they are many, are stored as an increment (an object of their own), at the
// end of a pass and at most one in a pass, each beginning where the one before
// it ended:
//
//	reserve the file's number ► convert, check ► ledger: the cut and its SHA-256
//	► store ► ledger: stored up to here
//
// A crash repeats at most one of these steps, with the same cut and the bytes
// of the kept work file. The finished file is archived as a whole, under the
// number that was reserved, and its record supersedes the increments; they are
// never deleted here. Where the file no longer has the bytes that were stored,
// because it was truncated or edited, the gap takes the file's number and the
// file another, so that nothing supersedes these increments.
//
// # Less than was seen
//
// Before a finished file is converted, and at the beginning of each pass, it is
// compared with everything that was ever seen of it (I10). Missing bytes are a
// gap; from the state converted on nothing can be lost of it.
//
// # Files
//
// shipper.go has the path: Sync, and the steps of one segment. config.go says
// its helpers. Beside the path stand increment.go (the open file, read by
// openfile.go), heartbeat.go, records.go and tree.go (the chain), metrics.go,
// rollup.go (the sum of a day's records), rollback.go (a ledger that was put back), upload.go (one object),
// evidence.go (bytes that a file lost), reconcile.go and adopt.go (objects that the archive
// has from earlier epochs and versions), quarantine.go, unreadable.go (damaged
// .gz files), redact.go, source.go and workspace.go (files).
package shipper
