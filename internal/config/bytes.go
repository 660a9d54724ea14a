package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Bytes is a size in bytes as people write it: 1048576, 512MiB, 20GiB. It is
// a flag value.
type Bytes int64

// String returns the size with a unit if that is exact.
func (b *Bytes) String() string {
	text := strings.NewReplacer(".0 ", "", " ", "").Replace(humanize.IBytes(uint64(*b)))
	if n, err := humanize.ParseBytes(text); *b == 0 || err != nil || n != uint64(*b) {
		return strconv.FormatInt(int64(*b), 10)
	}
	return text
}

// Type names the value in the help text.
func (b *Bytes) Type() string { return "size" }

// Set reads a size.
func (b *Bytes) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64 {
		return fmt.Errorf("%q is not a size: expected a number of bytes or one such as 512MiB or 20GiB", text)
	}
	*b = Bytes(n)
	return nil
}
