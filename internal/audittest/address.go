package audittest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports below those that kernels give to connections and to listeners that ask
// for any: no process gets one of these by chance between the look and the use.
const (
	lowestPort = 10_000
	ports      = 22_000
)

// FreeAddress returns a loopback address, 127.0.0.1:PORT, without a
// listener at present, for a server that needs its port.
func FreeAddress() (string, error) {
	var last error
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", lowestPort+rand.IntN(ports))
		l, err := net.Listen("tcp", address)
		if err == nil {
			return address, l.Close()
		}
		last = err
	}
	return "", errors.Join(errors.New("find a free port"), last)
}
