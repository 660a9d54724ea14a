// Package rowsort puts rows and lines in order in bounded memory.
//
// [Index] takes references to the rows of a source and gives them back in the
// order in which they are stored: by day, resource, namespace, name, time, line,
// part. [Fetcher] reads the lines of rows in that order with few reads. [Lines]
// takes lines in any order and gives them back by number. Beyond their memory,
// both write sorted runs to a file without a name, so that a crash leaves
// nothing behind, and merge them.
//
// # Files
//
//   - index.go, spill.go: references in memory, and their runs on disk
//   - runs.go: a file of sorted runs, and merging them
//   - sortkey.go, dictionary.go: the keys, and their numbers
//   - fetch.go: the lines of references; order.go: lines by number
package rowsort
