// Package convert makes objects of audit log files, outside of a running sidecar:
// unpacked or spooled if need be, converted in a work directory beside the output,
// proven, and renamed into place. An object is replaced only by one of the same
// original file; the same file converted twice is the same object twice.
//
// # Files
//
//	file.go       one file: opened, unpacked, converted
//	format.go     the compression of a file, by its first bytes
//	envelope.go   the events within a delivery of EKS or AKS
//	name.go       the time of rotation in a file's name
//	install.go    the place of the objects, which never replaces another file
//	scratch.go    directories for unfinished objects
package convert
