package archivetest

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
)

// readAt reads ranges of an object, and beyond its end.
func readAt(t *testing.T, b Store) {
	content := Content(100<<10, 1)
	mustPut(t, b, "data/x", content)
	for _, r := range [][2]int{{0, 1}, {0, len(content)}, {70000, 4096}, {len(content) - 1, 1}, {5, 0}} {
		p := make([]byte, r[1])
		if n, err := b.ReadAt(t.Context(), "data/x", p, int64(r[0])); n != r[1] || err != nil || !bytes.Equal(p, content[r[0]:r[0]+r[1]]) {
			t.Errorf("%d bytes from %d on: %d, %v", r[1], r[0], n, err)
		}
	}
	p := make([]byte, 100)
	for _, off := range []int{len(content) - 10, len(content), 2 * len(content)} {
		if n, err := b.ReadAt(t.Context(), "data/x", p, int64(off)); err == nil || n > 10 {
			t.Errorf("beyond the end, from %d on: %d, %v", off, n, err)
		}
	}
	if _, err := b.ReadAt(t.Context(), "data/none", p, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no object: %v", err)
	}
	if _, err := b.ReadAt(t.Context(), "../x", p, 0); err == nil {
		t.Error("reads outside of the archive")
	}
}
