package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit is what the Go runtime tries to stay below with its own memory.
// The resident memory of the process is to stay below 64 MiB, and the mapped
// parts of the program are some 20 MiB of that.
const memoryLimit = 42 << 20

// limitMemory sets the limit, unless the environment has set one.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
