// Command auditsidecar archives the audit log of a Kubernetes API server as
// Parquet and streams it to Loki. `auditsidecar --help` lists its verbs.
package main

import (
	"os"

	"github.com/auditsidecar/auditsidecar/internal/cli"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "unknown"

func main() { os.Exit(cli.Main(version)) }
