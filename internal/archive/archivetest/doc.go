// Package archivetest holds the conformance suite of archives: what a caller of
// [archive.Bucket] may rely on, whatever is behind it. Every kind of store runs
// the same suite; a new one starts with it.
package archivetest
