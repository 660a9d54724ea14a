package parquet

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
)

// panics is a reader with a bug.
type panics struct{ what any }

func (p panics) ReadAt([]byte, int64) (int, error) { panic(p.what) }

func TestOnlyLibrariesPanicOnDamage(t *testing.T) {
	if _, err := openObject(panics{"a bug"}, 100); !errors.Is(err, errBug) || errors.Is(err, errNotOurs) || !strings.Contains(err.Error(), "panics.ReadAt") {
		t.Errorf("a panic of ours is %v", err)
	}
	for name, c := range map[string]struct {
		do   func()
		want error
	}{
		"a library":            {func() { pq.ValueOf(make(chan int)) }, errNotOurs},
		"the runtime for it":   {func() { pq.NewBuffer(nil) }, errNotOurs},
		"we":                   {func() { panic(io.EOF) }, errBug},
		"the runtime for us":   {func() { _ = []byte{}[len(t.Name())] }, errBug},
		"the standard library": {func() { binary.LittleEndian.Uint64(nil) }, errBug},
	} {
		err := func() (err error) {
			defer noPanic(&err)
			c.do()
			return nil
		}()
		if !errors.Is(err, c.want) || errors.Is(err, errNotOurs) != (c.want == errNotOurs) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
