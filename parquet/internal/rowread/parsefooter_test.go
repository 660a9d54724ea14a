package rowread

import (
	"bytes"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
)

// FuzzFooter reads footers of any content.
func FuzzFooter(f *testing.F) {
	in := bytes.NewReader(objecttest.Write(f, [][]byte{[]byte(strings.TrimSpace(audittest.FullLine))}, objectfile.DefaultLimits()))
	size := in.Size()
	b, err := ReadFooter(in, size)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0x1c, 0x1c, 0x4c, 0xfc, 0xff, 0xff, 0x03})
	f.Fuzz(func(t *testing.T, b []byte) {
		parsed, err := parseFooter(b, size)
		if err != nil {
			return
		}
		for _, g := range parsed.groups {
			for _, c := range g.chunks {
				if c.from < 0 || c.size < 0 || c.from > size-c.size {
					t.Errorf("%d bytes at %d of %d", c.size, c.from, size)
				}
			}
		}
	})
}
