package rowread

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
	if _, err := Open(panics{"a bug"}, 100); !errors.Is(err, ErrBug) || errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), "panics.ReadAt") {
		t.Errorf("a panic of ours is %v", err)
	}
	for name, c := range map[string]struct {
		do   func()
		want error
	}{
		"a library":            {func() { pq.ValueOf(make(chan int)) }, ErrNotOurs},
		"the runtime for it":   {func() { pq.NewBuffer(nil) }, ErrNotOurs},
		"we":                   {func() { panic(io.EOF) }, ErrBug},
		"the runtime for us":   {func() { _ = []byte{}[len(t.Name())] }, ErrBug},
		"the standard library": {func() { binary.LittleEndian.Uint64(nil) }, ErrBug},
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
