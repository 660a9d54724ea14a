//go:build !linux

package timers

import (
	"errors"
	"time"
)

// Slacken fails: only Linux has timers that may be late.
func Slacken() error { return errors.ErrUnsupported }

// Reset fails, too.
func Reset() error { return errors.ErrUnsupported }

// Own is 0.
func Own() time.Duration { return 0 }
