// Package lokiserver starts a real Loki over a temporary directory for
// end-to-end tests, with one of the configurations that this repository ships,
// and asks it questions. A test changes paths and ports by
// flags, which count more than the file. It listens on loopback.
//
// The first use builds Loki from its Go module into .cache, which needs the Go
// module proxy and many minutes.
package lokiserver
