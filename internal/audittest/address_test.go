package audittest

import (
	"net"
	"testing"
)

// The address can be listened at, and the next one is another.
func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 5 {
		address, err := FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if seen[address] {
			t.Errorf("%s twice", address)
		}
		seen[address] = true
	}
}
