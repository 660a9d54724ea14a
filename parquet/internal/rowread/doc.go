// Package rowread reads the rows of objects back. It believes no size or count
// that an object claims before it is bounded, and only objects that objectfile could
// have written: one flipped bit may name another codec. A damaged object is an
// error, in bounded memory.
//
// [Open] reads the footer; [Reader.Next] reads the rows in the order in which
// they are stored.
//
// # Files
//
//   - open.go, footer.go: an object and its footer
//   - compact.go: Thrift's compact protocol
//   - read.go: rows; column.go, pagehead.go, unpack.go: columns and their pages;
//     values.go: the values of a page
//   - runs.go: the encodings of numbers
package rowread
