// Package catalog decides which objects of an archive form one original file.
// The verbs restore, replay and verify ask it and decide nothing of this on their
// own; so does the sidecar when it has lost its ledger.
//
// # Rules
//
//   - A file is its ID: cluster, node, epoch and sequence number. An object bears
//     the number of its file's record, or of an earlier epoch that had stored
//     objects of the file and was lost before it could record them (IDOfRecord).
//   - Copies: an object that the store damaged is stored again as `.r2`, `.r3`, ….
//     The one that the file's record names counts; before there is a record, and of
//     increments, the last. Of a record the last copy that can be read counts.
//   - Records: in a location that has any, the objects that count are those that the
//     file's record names. Others are forged, or of a file that has no record yet:
//     Restore leaves them out, unless Catalog.Unrecorded is set. A location without
//     any record (made by convert) is read as it is. The record of a file is read when
//     the file is restored; of most other records the listing is enough.
//   - Complete objects of the finished file win over increments, unless the increments
//     reach further: then the file was cut before it was archived, and both are restored.
//   - With a record of the file, incomplete objects are an error and increments no
//     substitute. An object that a record names and that is not there is reported
//     as missing; it keeps no other file from being restored.
//   - Without a record the node was lost, or its disk full, before the file was
//     archived: its increments are restored. Of increments that begin at one
//     byte the longest counts; a hole between them is an error.
//   - Epochs: a sidecar that lost its state archives the file again under a new
//     epoch. Increments also give way to a finished file, or to further reaching
//     increments, of another epoch of the same node that begin with the same bytes.
//     Only the files rotated next after the first increment's last event can be it.
//
// # Files
//
//	listing.go    the objects and records of a location, confirmed copies, missing ones
//	file.go       ID, Object, File; objects put together
//	original.go   Find and Restore: which form of a file its objects allow
//	recorded.go   objects that no record names
//	otherepoch.go  the same file under another epoch
//	fetch.go      objects that are opened before their turn
package catalog
