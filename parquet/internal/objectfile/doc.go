// Package objectfile writes one object: rows become column chunks, chunks row
// groups, row groups a Parquet file.
//
// The library's own writer takes a Value of 24 bytes for every cell, looks each
// up in a Go map and reads pages back to build a bloom filter; it took half of
// the CPU time of a conversion. This one knows that rows are sorted. The same
// rows, [Config] and [Limits] give the same bytes. Memory is bounded by Limits
// and the longest value; a long value goes through the compressor to a file.
//
// # Files
//
//   - write.go, columnize.go: an object, and the values of a row
//   - group.go: row groups, page indexes, footer
//   - chunk.go: the chunk of a column; levels.go and bounds.go: those of its
//     open page; pages.go: its finished pages; bloom.go: its filter
//   - pagestream.go, spool.go: large pages and long values
//   - codec.go: zstd
package objectfile
