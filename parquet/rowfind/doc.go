// Package rowfind finds rows of an object that is far away: it reads its footer, then
// no more than the pages that can have them.
//
//	o, err := rowfind.Open(r, size) // r asks the store for ranges
//	…
//	q := rowfind.Query{Fields: map[auditline.Field][]string{auditline.UserName: {"alice"}}}
//	err = o.Find(&q, nil, func(r *rowfind.Row) error { … })
//
// # How rows are left out
//
//   - bounds and null counts of a column chunk, in the footer
//   - bloom filters, of which one block of 32 bytes is read
//   - bounds of pages, in the page index; rows are sorted by object
//   - the values of the columns that the query names; of the other columns only the
//     pages that have a row with these are read
//
// Nothing is believed that [rowread] does not believe: a damaged object is an error, in
// bounded memory. The checksum of an object proves all of it and is not compared here.
//
// # Files
//
//   - object.go: the footer and the page indexes; prune.go: which rows can match
//   - find.go: which do, and their columns; fetch.go: ranges of bytes; order.go: the
//     lines found, in their order
package rowfind
