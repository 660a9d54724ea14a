package parquet

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
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

// panics is a reader with a bug.
type panics struct{ what any }

func (p panics) ReadAt([]byte, int64) (int, error) { panic(p.what) }

func TestOnlyLibrariesPanicOnDamage(t *testing.T) {
	if _, err := ReadMeta(panics{"a bug"}, 100); !errors.Is(err, errBug) || errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), "panics.ReadAt") {
		t.Errorf("a panic of ours is %v", err)
	}
	for name, c := range map[string]struct {
		do   func()
		want error
	}{
		"a library":            {func() { pq.ValueOf(make(chan int)) }, ErrNotOurs},
		"the runtime for it":   {func() { pq.NewBuffer(nil) }, ErrNotOurs},
		"we":                   {func() { panic(io.EOF) }, errBug},
		"the runtime for us":   {func() { _ = []byte{}[len(t.Name())] }, errBug},
		"the standard library": {func() { binary.LittleEndian.Uint64(nil) }, errBug},
	} {
		err := func() (err error) {
			defer noPanic(&err)
			c.do()
			return nil
		}()
		if !errors.Is(err, c.want) || errors.Is(err, ErrNotOurs) != (c.want == ErrNotOurs) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
