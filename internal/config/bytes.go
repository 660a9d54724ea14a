package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes as people write it: 1048576, 512MiB, 20GiB. It is
// a flag value.
type Bytes int64

// String returns the size in the largest unit that divides it.
func (b *Bytes) String() string {
	n := int64(*b)
	for _, u := range units() {
		if n != 0 && n%u.factor == 0 {
			return strconv.FormatInt(n/u.factor, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// Type names the value in the help text.
func (b *Bytes) Type() string { return "size" }

// Set reads a size.
func (b *Bytes) Set(text string) error {
	number, factor := strings.TrimSpace(text), int64(1)
	for _, u := range units() {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return fmt.Errorf("%q is no size: expected a number of bytes or one such as 512MiB or 20GiB", text)
	}
	*b = Bytes(n * factor)
	return nil
}

// unit is a binary unit; the longest name that fits is listed first.
type unit struct {
	name   string
	factor int64
}

func units() []unit {
	return []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}
