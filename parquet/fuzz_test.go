package parquet

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

// FuzzRoundTrip converts any bytes, checks the objects and restores them, with
// limits so small that every spill and fallback happens.
func FuzzRoundTrip(f *testing.F) {
	event := strings.TrimSpace(canonicalLine)
	f.Add([]byte(canonicalLine))
	f.Add([]byte(event[:300] + event + "\r\n\x00\x00" + event + "\n\n{\"kind\":\"Pod\"}\nx"))
	f.Add([]byte(simpleEvent("a") + simpleEvent("b") + "\n" + simpleEvent("\xff") + "\n"))
	f.Add([]byte(strings.Replace(event, `"2026-11-22T16:59:23.525775Z","annotations"`, `null,"annotations"`, 1)))
	f.Fuzz(func(t *testing.T, source []byte) { roundTrip(t, source, tinyLimits()) })
}

// FuzzRestore restores damaged objects: an error or the right bytes, no panic.
func FuzzRestore(f *testing.F) {
	source := []byte(canonicalLine + "x\n")
	res := convertBytes(f, source, defaultLimits())
	object, err := os.ReadFile(res.Objects[0].Path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(10, byte(1), 100, byte(2))
	f.Add(len(object)-9, byte(0x40), 4, byte(1))
	f.Fuzz(func(t *testing.T, at int, x byte, at2 int, x2 byte) {
		damaged := bytes.Clone(object)
		damaged[uint(at)%uint(len(damaged))] ^= x
		damaged[uint(at2)%uint(len(damaged))] ^= x2
		var out bytes.Buffer
		err := Restore(t.Context(), []Input{{Name: "x", ReaderAt: bytes.NewReader(damaged), Size: int64(len(damaged))}}, &out)
		if err == nil && !bytes.Equal(out.Bytes(), source) {
			t.Fatalf("restored %q without an error", out.Bytes())
		}
		if errors.Is(err, rowread.ErrBug) {
			t.Fatal(err)
		}
	})
}
