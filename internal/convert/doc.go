// Package convert makes objects of audit log files, outside of a running sidecar:
// unpacked or spooled if need be, converted in a work directory beside the output,
// proven, and renamed into place. An object is replaced only by one of the same
// original file; the same file converted twice is the same object twice.
package convert
