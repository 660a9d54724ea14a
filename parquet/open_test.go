package parquet

import (
	"errors"
	"io"
	"os"
	"testing"
)

// brokenDisk fails where left reads have been made.
type brokenDisk struct {
	io.ReaderAt
	left int
}

var errDisk = errors.New("input/output error")

func (d *brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if d.left--; d.left < 0 {
		return 0, &os.PathError{Op: "read", Path: "/dev/sda", Err: errDisk}
	}
	return d.ReaderAt.ReadAt(p, off)
}

// An object on a disk that fails may be an object all the same: who takes it for
// a foreign file would archive its lines again.
func TestADiskErrorIsNotErrNotOurs(t *testing.T) {
	in := inputs(t, convertBytes(t, []byte(canonicalLine), defaultLimits()))[0]
	object := in.ReaderAt
	opened := false
	for n := 0; !opened; n++ {
		in.ReaderAt = &brokenDisk{object, n}
		_, err := ReadMeta(in, in.Size)
		if opened = err == nil; !opened && (!errors.Is(err, errDisk) || errors.Is(err, ErrNotOurs)) {
			t.Errorf("after %d reads: %v", n, err)
		}
	}
	restored := false
	for n := 0; !restored; n++ {
		in.ReaderAt = &brokenDisk{object, n}
		err := Restore(t.Context(), []Input{in}, io.Discard)
		if restored = err == nil; !restored && (!errors.Is(err, errDisk) || errors.Is(err, ErrNotOurs)) {
			t.Errorf("restore after %d reads: %v", n, err)
		}
	}
}
