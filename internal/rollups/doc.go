// Package rollups reads the rollups of an archive: the sum of each day's records.
//
//	for day, err := range rollups.All(ctx, bucket, cluster, node) {
//		// err: the archive is unavailable
//		if day.Err != nil {
//			// not a rollup, damaged, or of another day: its records count instead
//		}
//	}
//
// A rollup is an index: the records are the proof, and everything that a rollup says can
// be read from them. A [Rollup] matches its key, in its one form, its numbers and
// hashes fit, and the leaf hashes lead to the root of the checkpoint that ends it.
// [Rollup.Verify] checks who made it, [Rollup.Follows] that it continues another.
// docs/spec/rollup.md is the format.
//
// One rollup is in memory at a time, of at most [MaxSize].
package rollups
