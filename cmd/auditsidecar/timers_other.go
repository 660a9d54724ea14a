//go:build !linux

package main

import (
	"context"
	"time"
)

// slackenTimers does nothing: only Linux has timers that may be late.
func slackenTimers(context.Context) {}

func ownTimerSlack() time.Duration { return 0 }
