package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// memoryLimit is what the Go runtime tries to stay below with its own memory.
// The resident memory of the process is to stay below 64 MiB. The mapped parts
// of the program are some 22 MiB of that, and a long line, which is held whole
// once, may take the heap a little beyond the limit.
const memoryLimit = 36 << 20

// limitMemory sets the limit, unless the environment has set one, and keeps the
// runtime from noting who allocates.
func limitMemory() {
	runtime.MemProfileRate = 0
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// profileMemory has the runtime note who allocates from now on, a sample every
// 512 KiB, for --admin-pprof.
func profileMemory() { runtime.MemProfileRate = 512 << 10 }
