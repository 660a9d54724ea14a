package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/rotate"
)

// epoch stands in for the epoch of a running sidecar: it sorts by rotation
// time, to the millisecond (the first three of the six hex digits), and depends
// on the input only, so that the same file converted twice is the same object
// twice.
func (f *convertFlags) epoch(in *input) string {
	milliseconds := in.rotated.Nanosecond() / int(time.Millisecond)
	return fmt.Sprintf("%s%03x%03x", in.rotated.Format("20060102T150405"), milliseconds, f.hash(in)>>52)
}

// seq keeps apart what was rotated at the same time, as files are that were
// copied: twelve bits of the epoch are too few for that. It has eight digits.
func (f *convertFlags) seq(in *input) int64 {
	const most = 99_999_999
	return 1 + int64(f.hash(in)%most)
}

// hash is of what an input is called.
func (f *convertFlags) hash(in *input) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", f.identity.Cluster, f.identity.Node, in.name))
	return binary.BigEndian.Uint64(sum[:])
}

// rotationTime reads the time in a backup's name, whatever its base is.
func rotationTime(name string) (time.Time, bool) {
	const stamp = "-2006-01-02T15-04-05.000"
	ext := filepath.Ext(name)
	if strings.Count(name, ".") == 1 { // the one before the milliseconds: the log's name has no extension
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	if len(stem) <= len(stamp) {
		return time.Time{}, false
	}
	log := rotate.Log{Base: stem[:len(stem)-len(stamp)], Ext: ext}
	backup, ok := log.ParseBackup(name)
	return backup.Rotated, ok
}
