package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit is what the Go runtime tries to stay below with its own memory.
// The resident memory of the process is to stay below 64 MiB. The mapped parts
// of the program are some 22 MiB of that, and a long line, which is held whole
// once, may take the heap a little beyond the limit.
const memoryLimit = 36 << 20

// limitMemory sets the limit, unless the environment has set one.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
