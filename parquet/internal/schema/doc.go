// Package schema says which columns an object has and how each is stored. The
// writer (objectfile) and the reader (rowread) of objects agree on it.
//
// The first columns are the fields of an audit event, auditline.Field; those
// of the object itself follow. Their order is part of the format.
package schema
