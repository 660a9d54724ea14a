//go:build !linux

package main

import "time"

// slackenTimers does nothing: only Linux has timers that may be late.
func slackenTimers() {}

func ownTimerSlack() time.Duration { return 0 }
