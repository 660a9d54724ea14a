// Package archivetest holds the conformance suite of archives: the behaviour that a caller of
// [archive.Bucket] may rely on, of any kind. Every kind of store runs
// the same suite; a new one starts with it.
package archivetest
