package auditline

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainRun returns the index of the first byte at or after i that encoding/json
// would not write as itself inside a string, or that ends one: a quote, a
// backslash, a control character, & < > or anything outside ASCII. It looks at
// eight bytes at a time.
func plainRun(b []byte, i int) int {
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		quote := (x | 0x04*ones) ^ 0x26*ones // " and & differ in one bit
		angle := (x | 0x02*ones) ^ 0x3e*ones // < and > differ in one bit
		slash := x ^ 0x5c*ones
		hit := ((quote - ones) | (angle - ones) | (slash - ones) | (x - 0x20*ones) | x) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
		i += 8
	}
	for i < len(b) && isPlain(b[i]) {
		i++
	}
	return i
}

func isPlain(c byte) bool {
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '&' && c != '<' && c != '>'
}

// stringRun is plainRun for text that is only checked and not encoded again:
// it stops at a quote, a backslash, a control character or a byte outside
// ASCII.
func stringRun(b []byte, i int) int {
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		quote := x ^ 0x22*ones
		slash := x ^ 0x5c*ones
		hit := ((quote - ones) | (slash - ones) | (x - 0x20*ones) | x) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
		i += 8
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}
