package audittest_test

import (
	"hash/crc32"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// failures counts the errors of a test.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }

func TestCheckCost(t *testing.T) {
	work := func(size int) func() {
		data := make([]byte, size)
		return func() { _ = crc32.ChecksumIEEE(data) }
	}
	for size, want := range map[int]int{4 << 20: 0, 64 << 20: 1} {
		f := failures{TB: t}
		if audittest.CheckCost(&f, 64, work(256<<10), work(size)); f.n != want {
			t.Errorf("%d MiB against 64 times 256 KiB: %d failures, want %d", size>>20, f.n, want)
		}
	}
}
