package convert

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/rotate"
)

// positionInChain stands in for the epoch and the number that a running sidecar
// gives a file. The epoch sorts by rotation time, to the millisecond (the first
// three of the six hex digits). The rest of both depends on the name of the
// input only, so that the same file converted twice is the same object twice,
// and keeps apart files that were rotated at the same time, such as
// copies: twelve bits of the epoch are too few for that. The number has eight
// digits.
func (c *Config) positionInChain(in *input) (epoch string, seq int64) {
	const most = 99_999_999
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", c.Identity.Cluster, c.Identity.Node, in.name))
	hash := binary.BigEndian.Uint64(sum[:])
	milliseconds := in.rotated.Nanosecond() / int(time.Millisecond)
	return fmt.Sprintf("%s%03x%03x", in.rotated.Format("20060102T150405"), milliseconds, hash>>52), 1 + int64(hash%most)
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
